internal import Bytes
internal import CReactor
internal import Glibc

/// A part of a file on its way into a channel.
///
/// sendfile(2) copies from the kernel's page cache into the socket without a detour, but waits for
/// the disk where the cache does not have the bytes, and so would the loop. Hence each stretch is
/// asked for first (cachestat(2)); what is not there is read into the cache by a thread of the pool.
/// Where sendfile cannot be used (encryption, file systems without it, simulation) the pool reads
/// chunks, one ahead.
final class FileTransfer {
    enum Step {
        /// Bytes to be written.
        case chunk(SharedBytes)
        /// The kernel took some from the file.
        case sent
        /// The kernel takes nothing now.
        case blocked
        /// The kernel has no memory now.
        case short
        /// A thread reads; the channel is visited when it has.
        case waiting
        case failed(SystemError)
        case done
    }

    private static let stretch = 256 << 10
    private static let chunk = 128 << 10

    private let file: File
    private var offset: Int64
    /// Bytes still to be sent.
    private(set) var remaining: Int
    /// So many bytes from the offset on are in memory.
    private var warm = 0
    private var mustCopy = false
    private var isFetching = false
    private var fetched: SharedBytes?
    private var failure: SystemError?

    init(_ file: File, from offset: Int64, count: Int) {
        self.file = file
        self.offset = offset
        remaining = count
    }

    /// Does what can be done now; `copies`: by chunks in any case.
    func next(for channel: Channel, copies: Bool, on loop: isolated EventLoop) -> Step {
        if let failure { return .failed(failure) }
        if remaining == 0 { return .done }
        if copies || mustCopy { return nextChunk(for: channel, on: loop) }
        if isFetching { return .waiting }
        if warm == 0 {
            let count = min(remaining, FileTransfer.stretch)
            guard creactor_is_cached(file.descriptor, offset, Int64(count)) == 1 else {
                warmUp(count, for: channel, on: loop)
                return .waiting
            }
            warm = count
        }
        let outcome = loop.driver.sendFile(
            file.descriptor, from: offset, count: warm, on: channel.descriptor,
            token: channel.token)
        switch outcome {
        case .sent(0), .inFlight: return .failed(FileTransfer.tooShort)
        case .sent(let count):
            advance(by: count)
            warm -= count
            return .sent
        case .blocked: return .blocked
        case .failed(let code) where Channel.isShortage(code): return .short
        case .failed(EINVAL), .failed(ENOSYS), .failed(EOPNOTSUPP):
            mustCopy = true
            return nextChunk(for: channel, on: loop)
        case .failed(let code): return .failed(SystemError("sendfile", code: code))
        }
    }

    /// The file has fewer bytes than were promised.
    private static let tooShort = SystemError("sendfile", code: ENODATA)

    private func advance(by count: Int) {
        offset += Int64(count)
        remaining -= count
    }

    private func warmUp(_ count: Int, for channel: Channel, on loop: isolated EventLoop) {
        isFetching = true
        let (file, offset) = (file, offset)
        loop.spawn {
            let code = await loop.offload {
                creactor_warm(file.descriptor, offset, Int64(count))
            }
            self.isFetching = false
            if code == 0 {
                self.warm = count
            } else {
                self.failure = SystemError("read", code: code)
            }
            channel.flushEncoded(on: loop)
        }
    }

    private func nextChunk(for channel: Channel, on loop: isolated EventLoop) -> Step {
        guard let chunk = fetched.take() else {
            if !isFetching { fetch(for: channel, on: loop) }
            return .waiting
        }
        advance(by: chunk.count)
        if remaining > 0 { fetch(for: channel, on: loop) }
        return .chunk(chunk)
    }

    private func fetch(for channel: Channel, on loop: isolated EventLoop) {
        isFetching = true
        let (file, offset) = (file, offset)
        let count = min(remaining, FileTransfer.chunk)
        loop.spawn {
            do throws(SystemError) {
                let bytes = try await loop.offload { () throws(SystemError) in
                    try file.read(at: offset, count: count)
                }
                if bytes.count == count {
                    self.fetched = SharedBytes(bytes)
                } else {
                    self.failure = FileTransfer.tooShort
                }
            } catch {
                self.failure = error
            }
            self.isFetching = false
            channel.flushEncoded(on: loop)
        }
    }
}

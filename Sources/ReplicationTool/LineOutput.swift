internal import Bytes
internal import Glibc
internal import Reactor

/// Writes to a descriptor what came together in a turn of the loop.
///
/// A receiver that is slow blocks the process: then the main sees a slow reader, which is what it is.
final class LineOutput {
    private static let heldBytesMax = 1 << 16

    private let descriptor: Int32
    private let owns: Bool
    private var held: [UInt8] = []
    private var isFlushDue = false
    /// What went wrong; nothing more is written then. EPIPE is a reader who has seen enough.
    private(set) var failure: SystemError?
    /// Told once when something goes wrong.
    var onFailure: ((SystemError) -> Void)?

    /// Writes to a descriptor that stays open.
    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        owns = false
    }

    /// Makes a file, or empties it; `-` is standard output.
    init(path: String) throws(SystemError) {
        if path == "-" {
            descriptor = STDOUT_FILENO
            owns = false
            return
        }
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        owns = true
        guard descriptor >= 0 else { throw SystemError("open", code: errno) }
    }

    deinit { if owns { close(descriptor) } }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Adds text, which is written before the turn is over.
    func append(_ text: String, on loop: isolated EventLoop) {
        held.append(contentsOf: text.utf8)
        scheduleFlush(on: loop)
    }

    /// Adds bytes, which are written before the turn is over.
    func append(_ bytes: RawSpan, on loop: isolated EventLoop) {
        bytes.withUnsafeBytes { held.append(contentsOf: $0) }
        scheduleFlush(on: loop)
    }

    private func scheduleFlush(on loop: isolated EventLoop) {
        if held.count >= Self.heldBytesMax { flush() }
        guard !isFlushDue else { return }
        isFlushDue = true
        loop.spawn {
            self.isFlushDue = false
            self.flush()
            // Mentioned so that the task is isolated to the loop.
            _ = loop.now
        }
    }

    /// Writes what is held.
    func flush() {
        guard failure == nil else { return held.removeAll() }
        var written = 0
        while written < held.count {
            let count = held.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count > 0 {
                written += count
            } else if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wait, 1, -1)
            } else if errno != EINTR {
                failure = SystemError("write", code: errno)
                break
            }
        }
        held.removeAll(keepingCapacity: true)
        if let failure { onFailure.take()?(failure) }
    }
}

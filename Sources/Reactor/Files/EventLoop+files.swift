internal import Glibc

/// Files, on the loop's pool of four threads. At most 1,024 operations wait for one of these; what
/// comes beyond fails with EAGAIN, since a disk that cannot keep up does not get better by waiting.
extension EventLoop {
    static let fileOperationsMax = 1024

    /// Opens a regular file for reading.
    public func openFile(_ path: String) async throws(FileError) -> File {
        try await onFile(path) { () throws(SystemError) in try File.open(path) }
    }

    /// The contents of a file, of at most `bytesMax` bytes; EFBIG if it has more.
    public func readFile(_ path: String, bytesMax: Int) async throws(FileError) -> [UInt8] {
        try await onFile(path) { () throws(SystemError) in
            let file = try File.open(path)
            guard file.size <= Int64(bytesMax) else { throw SystemError("read", code: EFBIG) }
            // It may have grown, or be one of those in /proc, whose size is zero: look behind it.
            var bytes: [UInt8] = []
            while bytes.count <= bytesMax {
                let wanted = min(max(Int(file.size) - bytes.count, 0) + 4096, bytesMax + 1)
                let more = try file.read(at: Int64(bytes.count), count: wanted)
                bytes += more
                if more.count < wanted { break }
            }
            guard bytes.count <= bytesMax else { throw SystemError("read", code: EFBIG) }
            return bytes
        }
    }

    /// Up to `count` bytes of a file from `offset` on; fewer only where it ends.
    public func readBytes(
        of file: File, at offset: Int64, count: Int
    ) async throws(SystemError) -> [UInt8] {
        let outcome = try await offload(
            to: blocking, waitingMax: EventLoop.fileOperationsMax
        ) {
            Result { () throws(SystemError) in try file.read(at: offset, count: count) }
        }
        return try outcome.get()
    }

    /// Reads a part of a file in chunks and gives each to `body`; the next is read when `body` has
    /// returned, so that a slow receiver slows the reading down. Ends early where the file ends.
    public func readChunks(
        of file: File, from offset: Int64 = 0, count: Int64 = .max, chunkBytes: Int = 1 << 17,
        _ body: ([UInt8]) async throws -> Void
    ) async throws {
        var (position, left) = (offset, count)
        while left > 0 {
            let wanted = Int(min(left, Int64(chunkBytes)))
            let chunk = try await readBytes(of: file, at: position, count: wanted)
            if chunk.isEmpty { return }
            try await body(chunk)
            position += Int64(chunk.count)
            left -= Int64(chunk.count)
            if chunk.count < wanted { return }
        }
    }

    /// Replaces a file, or makes one, as a whole: whoever opens it sees the old contents or the new,
    /// also after a crash of the process; with `durable` after one of the system, too (fsync(2) of
    /// the file and its folder). On errors, such as a full disk, nothing is left behind.
    public func writeFile(
        _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o600, durable: Bool = false
    ) async throws(FileError) {
        try await onFile(path) { () throws(SystemError) in
            let draft = try FileDraft(path, mode: mode)
            try draft.append(bytes)
            try draft.commit(durable: durable)
        }
    }

    /// Begins a file that becomes visible when it is complete.
    public func createFile(
        _ path: String, mode: UInt32 = 0o600
    ) async throws(FileError) -> FileWriter {
        let draft = try await onFile(path) { () throws(SystemError) in
            try FileDraft(path, mode: mode)
        }
        return FileWriter(draft)
    }

    func onFile<Result: Sendable>(
        _ path: String, _ work: @escaping @Sendable () throws(SystemError) -> Result
    ) async throws(FileError) -> Result {
        do throws(SystemError) {
            return try await offload(to: blocking, waitingMax: EventLoop.fileOperationsMax) {
                Swift.Result(catching: work)
            }.get()
        } catch {
            throw FileError(path: path, error: error)
        }
    }
}

/// A file that is being written piece by piece and becomes visible at its end. What is not committed
/// is removed when nobody holds the writer any more.
public final class FileWriter {
    private let draft: FileDraft

    init(_ draft: FileDraft) { self.draft = draft }

    /// Appends bytes. Throws ENOSPC on a full disk; what was written so far stays until then.
    public func append(_ bytes: [UInt8], on loop: isolated EventLoop) async throws(FileError) {
        let draft = draft
        try await loop.onFile(draft.path) { () throws(SystemError) in try draft.append(bytes) }
    }

    /// Puts the file into its place, replacing what is there; `durable` as for
    /// ``EventLoop/writeFile(_:_:mode:durable:)``. Do nothing with the writer after it.
    public func commit(durable: Bool = false, on loop: isolated EventLoop) async throws(FileError) {
        let draft = draft
        try await loop.onFile(draft.path) { () throws(SystemError) in
            try draft.commit(durable: durable)
        }
    }
}

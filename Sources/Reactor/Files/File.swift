internal import CReactor
internal import Glibc

/// An open regular file, closed when nobody holds it any more.
///
/// Its contents are read and written through an ``EventLoop``, on threads of the loop's blocking
/// pool: a disk may take its time, and no readiness tells when it has.
public final class File: Sendable {
    let descriptor: Int32

    /// The size in bytes when the file was opened.
    public let size: Int64

    /// When its contents were last changed, in nanoseconds since the beginning of 1970, as far as was
    /// known when it was opened.
    public let modifiedNanoseconds: Int64

    init(_ descriptor: consuming Descriptor) throws(SystemError) {
        var status = stat()
        let raw = descriptor.raw
        try system("fstat") { fstat(raw, &status) }
        // A pipe or a terminal would block a thread for as long as it likes.
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError("open", code: EINVAL) }
        size = Int64(status.st_size)
        let (seconds, rest) = (Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec))
        // A file system may say anything, such as a time that no number of nanoseconds reaches.
        modifiedNanoseconds =
            min(max(seconds, -9_000_000_000), 9_000_000_000) * 1_000_000_000 + rest
        self.descriptor = descriptor.release()
    }

    deinit { close(descriptor) }

    /// Opens a file for reading. Blocks: on a loop use ``EventLoop/openFile(_:)``.
    ///
    /// Throws EINVAL for what is no regular file.
    public static func open(_ path: String) throws(SystemError) -> File {
        // Opening a pipe would wait for its writer otherwise.
        try File(
            Descriptor(
                owning: try system("open") { creactor_open(path, O_RDONLY | O_NONBLOCK, 0) }))
    }

    /// Reads until `count` bytes are there or the file ends.
    func read(at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let left = UnsafeMutableBufferPointer(rebasing: buffer[filled...])
                let step = pread(descriptor, left.baseAddress, left.count, off_t(offset) + filled)
                if step > 0 {
                    filled += step
                } else if step == 0 {
                    return
                } else if errno != EINTR {
                    code = errno
                    return
                }
            }
        }
        guard code == 0 else { throw SystemError("pread", code: code) }
        return bytes
    }
}

/// Writes everything, or throws.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
    var written = 0
    while written < bytes.count {
        let step = bytes.withUnsafeBytes { buffer in
            write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
        }
        if step >= 0 {
            written += step
        } else if errno != EINTR {
            throw SystemError("write", code: errno)
        }
    }
}

/// What could not be done with a file, and which.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file.
    public var path: String
    /// The call and its error; EFBIG where a limit of the caller's was passed, EAGAIN where too much
    /// waits for the disk already.
    public var error: SystemError

    /// Describes a failure with a file.
    public init(path: String, error: SystemError) {
        self.path = path
        self.error = error
    }

    /// Such as `/etc/shadow: open: Permission denied`.
    public var description: String { "\(path): \(error)" }
}

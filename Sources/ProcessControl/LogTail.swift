internal import Glibc

/// The end of a log, for people who want to know why a process did not start.
public enum LogTail {
    /// At most so many of the last lines; empty where the file cannot be read.
    ///
    /// Reads the last 64 KiB and nothing before, however long the log is.
    public static func lines(of path: String, count: Int = 10) -> [String] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return [] }
        let window = 64 << 10
        let start = max(0, Int(status.st_size) - window)
        var bytes = [UInt8](repeating: 0, count: window)
        let size = pread(descriptor, &bytes, window, off_t(start))
        guard size > 0 else { return [] }
        var lines = bytes[..<size].split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
        // What begins before the window is not a whole line, unless it is all there is.
        if start > 0 && lines.count > 1 { lines.removeFirst() }
        return lines.suffix(count).map { String(decoding: $0, as: UTF8.self) }
    }
}

internal import Glibc

/// A way to wake a sleeping thread: a pipe that closes itself when nobody knows it any more.
final class WakePipe: Sendable {
    private let reader: Int32
    private let writer: Int32

    /// A pipe, or nil where the process has no descriptors left.
    init?() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // A full pipe wakes the reader as well as an emptier one would.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        reader = ends[0]
        writer = ends[1]
    }

    deinit {
        close(reader)
        close(writer)
    }

    func signal() {
        var byte: UInt8 = 1
        _ = write(writer, &byte, 1)
    }

    /// Sleeps until somebody signals; signals from before count.
    func wait() {
        var bytes = [UInt8](repeating: 0, count: 64)
        _ = read(reader, &bytes, bytes.count)
    }

    /// Sleeps until somebody signals or the time is over. Returns whether somebody signalled.
    func wait(atMost timeout: Duration) -> Bool {
        let (seconds, attoseconds) = timeout.components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        var entry = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, Int32(clamping: milliseconds)) > 0
    }
}

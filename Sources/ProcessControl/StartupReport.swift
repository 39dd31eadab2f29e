internal import Glibc
internal import Synchronization

/// Tells whoever started this process how the start went. The first report counts.
public final class StartupReport: Sendable {
    static let readyMark = UInt8(ascii: "R")
    static let failedMark = UInt8(ascii: "F")
    static let messageBytesMax = 16384

    /// The socket to the waiting process; -1 where nobody waits.
    private let socket: Int32
    private let isDone = Atomic<Bool>(false)

    init(socket: Int32) { self.socket = socket }

    deinit { if socket >= 0 { close(socket) } }

    /// The report of a process that stays in the foreground: failures go to standard error.
    public static func foreground() -> StartupReport { StartupReport(socket: -1) }

    /// Whether the process left the terminal.
    public var isDaemon: Bool { socket >= 0 }

    /// The process listens: the one that waits exits with 0. Output goes to `/dev/null` from here.
    public func ready() {
        guard begin(), socket >= 0 else { return }
        // First, since who waited may look at once whether anybody still holds its pipe.
        Daemon.redirect(STDOUT_FILENO, flags: O_WRONLY)
        Daemon.redirect(STDERR_FILENO, flags: O_WRONLY)
        send([StartupReport.readyMark, 0])
    }

    /// The process gives up: the one that waits shows the message and exits with the code.
    ///
    /// The caller still has to exit itself.
    public func failed(_ message: String, exitCode: Int32 = 1) {
        guard begin() else { return }
        let text = Array(message.utf8.prefix(StartupReport.messageBytesMax))
        guard socket >= 0 else {
            let line = text + [UInt8(ascii: "\n")]
            _ = write(STDERR_FILENO, line, line.count)
            return
        }
        let code = UInt8(clamping: max(exitCode, 1))
        send([StartupReport.failedMark, code] + text)
    }

    private func begin() -> Bool { !isDone.exchange(true, ordering: .relaxed) }

    /// Whoever waited may have been killed; that must not end us.
    private func send(_ bytes: [UInt8]) {
        _ = Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}

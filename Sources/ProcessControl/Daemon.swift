internal import CProcess
internal import Glibc

/// Leaves the terminal and goes on in the background.
public enum Daemon {
    /// Forks twice, begins a session, and returns in the process that stays.
    ///
    /// The caller's own process does not return from here. It waits until the one that stays says
    /// `ready()` or `failed(…)`, or ends, and then exits with 0 or the failure's code, so that whoever
    /// started it knows the truth. Standard input becomes `/dev/null` at once, output and errors do
    /// with `ready()`, so that a crash before it is still seen. The working folder stays.
    ///
    /// Call it before anything starts a thread; throws `threadsRunning` otherwise.
    public static func detach() throws(ProcessControlError) -> StartupReport {
        guard ProcessTable.threadCount == 1 else {
            throw ProcessControlError(
                .threadsRunning, "the process has started threads and cannot daemonise any more")
        }
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw ProcessControlError(system: errno, "socketpair")
        }
        fflush(nil)  // Otherwise each copy of the process would print what is buffered.
        let child = cprocess_fork()
        guard child >= 0 else {
            let code = errno
            ends.forEach { close($0) }
            throw ProcessControlError(system: code, "fork")
        }
        if child > 0 {
            close(ends[1])
            _exit(waitForReport(ends[0], child: child))
        }
        close(ends[0])
        setsid()
        // Without a second fork the leader of the session could acquire a terminal again.
        let grandchild = cprocess_fork()
        let report = StartupReport(socket: ends[1])
        if grandchild < 0 {
            report.failed("cannot fork: \(String(cString: strerror(errno)))")
            _exit(1)
        }
        if grandchild > 0 { _exit(0) }
        redirect(STDIN_FILENO, flags: O_RDONLY)
        return report
    }

    static func redirect(_ stream: Int32, flags: Int32) {
        let null = open("/dev/null", flags | O_CLOEXEC)
        guard null >= 0 else { return }
        dup2(null, stream)
        if null != stream { close(null) }
    }

    /// The first process's part: the exit code that the report asks for.
    private static func waitForReport(_ socket: Int32, child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        var bytes = [UInt8](repeating: 0, count: StartupReport.messageBytesMax + 2)
        var count = 0
        repeat { count = recv(socket, &bytes, bytes.count, 0) } while count < 0 && errno == EINTR
        guard count >= 2 else {
            print("the process ended before it was ready\n")
            return 1
        }
        if count > 2 { print(String(decoding: bytes[2..<count], as: UTF8.self) + "\n") }
        return bytes[0] == StartupReport.readyMark ? 0 : Int32(bytes[1])
    }

    private static func print(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

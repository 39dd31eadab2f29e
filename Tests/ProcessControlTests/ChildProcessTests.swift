import Glibc
import TestSupport
import Testing

@testable import ProcessControl

@Suite struct ChildProcessTests {
    @Test func surroundingsAreAsAsked() throws {
        let folder = Folder()
        folder.write("in", "from the file\n")
        var command = Command(
            "/bin/sh", ["-c", "cat; pwd; echo $A-$HOME; echo \"$1\" >&2; exit 9", "sh", "a b*"])
        command.environment = ["A": "x y"]
        command.workingDirectory = folder.path
        command.input = .file("\(folder.path)/in")
        command.output = .file("\(folder.path)/out")
        command.error = .file("\(folder.path)/err")
        let status = try ChildProcess(command).wait()
        #expect(status == .exited(9) && status?.isSuccess == false)
        #expect(folder.text("out") == "from the file\n\(folder.path)\nx y-\n")
        #expect(folder.text("err") == "a b*\n")
    }

    @Test func waitHasALimit() throws {
        let child = try ChildProcess(Command("/bin/sleep", ["60"]))
        #expect(child.wait(within: .milliseconds(5)) == nil)
        #expect(ProcessTable.isAlive(child.pid))
        child.signal(SIGTERM)
        #expect(child.wait() == .signalled(SIGTERM))
        #expect(child.wait() == .signalled(SIGTERM))
        #expect(!ProcessTable.isAlive(child.pid))
    }

    @Test func missingProgramAndFolderAreNamed() {
        let error = #expect(throws: ProcessControlError.self) {
            try ChildProcess(Command("/nonexistent/program"))
        }
        #expect(
            error?.description
                == "/nonexistent/program: cannot be started: No such file or directory")
        #expect(throws: ProcessControlError.self) {
            var command = Command("/bin/true")
            command.workingDirectory = "/nonexistent"
            return try ChildProcess(command)
        }
    }

    @Test func zombieCountsAsGone() throws {
        let child = try ChildProcess(Command("/bin/sh", ["-c", "exit 3"]))
        #expect(ProcessTable.waitForExit(of: child.pid, within: .seconds(60)))
        #expect(!ProcessTable.isAlive(child.pid))
        #expect(child.wait() == .exited(3))
    }

    @Test func waitingForAStrangerHasALimit() throws {
        let child = try ChildProcess(Command("/bin/sleep", ["60"]))
        defer { end(child) }
        #expect(!ProcessTable.waitForExit(of: child.pid, within: .milliseconds(5)))
        try ProcessTable.signal(child.pid, SIGTERM)
        #expect(ProcessTable.waitForExit(of: child.pid, within: .seconds(60)))
    }

    @Test func groupsOfProcessesAreNeverSignalled() {
        for pid: Int32 in [0, -1, -4242] {
            #expect(throws: ProcessControlError.self) { try ProcessTable.signal(pid, 0) }
            #expect(!ProcessTable.isAlive(pid))
        }
    }

    @Test func blockedSignalsDoNotReachTheChild() throws {
        var set = sigset_t()
        var former = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &set, &former)
        defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
        let child = try ChildProcess(Command("/bin/sleep", ["60"]))
        child.signal(SIGTERM)
        #expect(child.wait() == .signalled(SIGTERM))
    }
}

@Suite struct SmallPartsTests {
    @Test func endOfALogIsShown() throws {
        let folder = Folder()
        #expect(LogTail.lines(of: "\(folder.path)/none").isEmpty)
        #expect(LogTail.lines(of: "/dev/zero").isEmpty)
        folder.write("log", "one\ntwo\n\nthree")
        #expect(LogTail.lines(of: "\(folder.path)/log", count: 2) == ["two", "three"])
        let long = (0..<20_000).map { "line \($0)" }
        folder.write("log", long.joined(separator: "\n") + "\n")
        #expect(LogTail.lines(of: "\(folder.path)/log", count: 3) == long.suffix(3).map { $0 })
        let all = LogTail.lines(of: "\(folder.path)/log", count: 99_999)
        #expect(all.count > 1000 && all == Array(long.suffix(all.count)))
    }

    @Test func openFilesAreRaisedToWhatIsAllowed() throws {
        let most = try ResourceLimits.raiseOpenFiles(to: 0)
        #expect(try ResourceLimits.raiseOpenFiles(to: 1 << 40) == most)
        #expect(try ResourceLimits.raiseOpenFiles(to: most) == most)
    }

    @Test(arguments: [false, true])
    func serviceManagerIsTold(isAbstract: Bool) throws {
        let folder = Folder()
        let address = isAbstract ? "@\(folder.path)/notify" : "\(folder.path)/notify"
        let receiver = try NotifySocket(address)
        #expect(ServiceManager.notify("READY=1\nSTATUS=x", address: address))
        #expect(receiver.receive() == "READY=1\nSTATUS=x")
    }

    @Test func missingServiceManagerIsNoTrouble() {
        for address in ["", "relative", "/nonexistent/socket", "@nobody-\(getpid())"] {
            #expect(!ServiceManager.notify("READY=1", address: address))
        }
        #expect(
            !ServiceManager.notify("READY=1", address: "/" + String(repeating: "x", count: 300)))
    }

    @Test func foregroundProcessHasNobodyToReportTo() {
        let report = StartupReport.foreground()
        #expect(!report.isDaemon)
        report.ready()
    }

    @Test func threadsKeepAProcessFromDaemonising() throws {
        let error = #expect(throws: ProcessControlError.self) { try Daemon.detach() }
        #expect(error?.code == .threadsRunning)
    }
}

/// What systemd has on the other side.
private final class NotifySocket {
    private let descriptor: Int32

    init(_ name: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if name.hasPrefix("@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        descriptor = datagramSocket(AF_UNIX)
        let size = socklen_t(2 + bytes.count)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        try #require(code == 0)
    }

    deinit { close(descriptor) }

    func receive() -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes[..<max(count, 0)], as: UTF8.self)
    }
}

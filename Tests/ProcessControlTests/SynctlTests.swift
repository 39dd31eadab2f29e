import Glibc
import TestSupport
import Testing

@testable import ProcessControl

@Suite struct SynctlTests {
    private let fleet = ["pusher", "synchrotron1", "synchrotron2"]

    @Test func wholeServerStartsAndStopsInOrder() throws {
        let server = try TestServer(workers: fleet)
        let start = try server.synctl(["start"] + server.everything)
        #expect(start.status == .exited(0), "\(start)")
        #expect(start.errors.isEmpty)
        for name in ["main"] + fleet {
            let pid = try #require(server.pid(of: name))
            #expect(start.output.contains("\(name) started (\(pid))\n"))
        }
        let status = try server.synctl(["status"] + server.everything)
        #expect(status.status == .exited(0))
        #expect(status.output.contains("pusher is running ("))
        #expect(status.output.contains("listening on unix:\(server.folder.path)/pusher.sock\n"))
        let stop = try server.synctl(["stop"] + server.everything)
        #expect(stop.status == .exited(0))
        #expect(stop.output.hasSuffix("main stopped\n"))
        let lines = server.folder.text("log").split(separator: "\n")
        #expect(lines.prefix(2) == ["main starting", "main ready"])
        #expect(lines.last == "main stopping")
        #expect(lines.count == 12)
        #expect(try server.synctl(["status"] + server.everything).status == .exited(3))
    }

    @Test func daemonLeavesTheTerminal() throws {
        let server = try TestServer()
        #expect(try server.synctl(["start", server.main]).status == .exited(0))
        let pid = try #require(server.pid(of: "main"))
        #expect(getsid(pid) != getsid(0) && getsid(pid) != pid)
        for stream in 0...2 {
            #expect(TestServer.target(ofLink: "/proc/\(pid)/fd/\(stream)") == "/dev/null")
        }
        #expect(try server.synctl(["stop", server.main]).status == .exited(0))
    }

    @Test func secondCopyIsRefused() throws {
        let server = try TestServer(workers: ["synchrotron1"])
        #expect(try server.synctl(["start", server.main]).status == .exited(0))
        let pid = try #require(server.pid(of: "main"))
        let second = try server.synctl(["start", server.main])
        #expect(second.status == .exited(1))
        #expect(second.errors == "main is already running (\(pid))\n")
        // The rest of the server is started all the same.
        #expect(try server.synctl(["start"] + server.everything).status == .exited(1))
        #expect(server.pid(of: "main") == pid && server.pid(of: "synchrotron1") != nil)
    }

    @Test func oneWorkerIsHandledAlone() throws {
        let server = try TestServer(workers: ["synchrotron1"])
        let worker = [server.main, "-w", "\(server.folder.path)/workers/synchrotron1.yaml"]
        #expect(try server.synctl(["start"] + worker).status == .exited(0))
        let first = try #require(server.pid(of: "synchrotron1"))
        #expect(server.pid(of: "main") == nil)
        #expect(try server.synctl(["restart"] + worker).status == .exited(0))
        let second = try #require(server.pid(of: "synchrotron1"))
        #expect(first != second && !ProcessTable.isAlive(first))
        #expect(try server.synctl(["stop"] + worker).status == .exited(0))
        #expect(server.pid(of: "synchrotron1") == nil)
    }

    @Test func failureIsShownWithTheEndOfTheLog() throws {
        let server = try TestServer(workers: fleet)
        let answer = try server.synctl(["start"] + server.everything, standIn: "fail:pusher")
        #expect(answer.status == .exited(1))
        #expect(answer.errors.hasPrefix("cannot connect to the database\n"))
        #expect(answer.errors.contains("pusher failed to start (exit code 7)\n"))
        #expect(answer.errors.contains("The last lines of \(server.folder.path)/log:\n"))
        #expect(answer.errors.contains("  pusher cannot connect to the database\n"))
        #expect(server.pid(of: "main") != nil && server.pid(of: "synchrotron2") != nil)
    }

    @Test func workersWaitForAMainProcessThatStarts() throws {
        let server = try TestServer(workers: ["pusher"])
        let answer = try server.synctl(["start"] + server.everything, standIn: "crash:main")
        #expect(answer.status == .exited(1))
        #expect(answer.errors.contains("the process ended before it was ready\n"))
        #expect(answer.errors.contains("main failed to start (exit code 1)\n"))
        #expect(
            answer.errors.hasSuffix("pusher not started, since the main process is not running\n"))
        #expect(server.folder.text("log") == "main starting\n")
    }

    @Test(arguments: [
        ("deaf:main", "main is running, but not listening on unix:"),
        ("slow:main", "main is not ready after 1 seconds\n"),
    ])
    func startedMeansServing(behaviour: String, expected: String) throws {
        let server = try TestServer()
        let answer = try server.synctl(
            ["start", server.main, "--timeout", "1"], standIn: behaviour)
        #expect(answer.status == .exited(1))
        #expect(answer.errors.hasPrefix(expected), "\(answer.errors)")
    }

    @Test func whatDoesNotEndIsKilled() throws {
        let server = try TestServer()
        #expect(
            try server.synctl(["start", server.main], standIn: "stubborn:main").status
                == .exited(0))
        let pid = try #require(server.pid(of: "main"))
        let stop = try server.synctl(["stop", server.main, "--timeout", "1"])
        #expect(stop.status == .exited(0))
        #expect(stop.errors == "main has not ended after 1 seconds and is killed\n")
        #expect(!ProcessTable.isAlive(pid))
    }

    @Test func stoppingNothingSaysSo() throws {
        let server = try TestServer(workers: ["pusher"])
        let stop = try server.synctl(["stop"] + server.everything)
        #expect(stop.status == .exited(1))
        #expect(
            stop.errors == """
                pusher is not running
                main is not running
                Nothing was running. Is the server managed by something else, such as systemd?

                """)
        #expect(try server.synctl(["restart"] + server.everything).status == .exited(0))
        #expect(server.pid(of: "main") != nil && server.pid(of: "pusher") != nil)
    }

    @Test func killedProcessIsStartedAgain() throws {
        let server = try TestServer()
        #expect(try server.synctl(["start", server.main]).status == .exited(0))
        let pid = try #require(server.pid(of: "main"))
        try ProcessTable.signal(pid, SIGKILL)
        #expect(ProcessTable.waitForExit(of: pid, within: .seconds(60)))
        let status = try server.synctl(["status", server.main])
        #expect(status.status == .exited(3))
        #expect(
            status.errors == "main is not running, and left \(server.folder.path)/main.pid behind\n"
        )
        #expect(try server.synctl(["start", server.main]).status == .exited(0))
        #expect(server.pid(of: "main") != pid)
    }

    @Test func overlayOfTheMainProcessIsNoWorker() throws {
        let server = try TestServer(workers: ["pusher"])
        server.folder.write(
            "workers/main.yaml",
            "worker_app: synapse.app.homeserver\npid_file: \(server.folder.path)/other.pid\n")
        #expect(try server.synctl(["start"] + server.everything).status == .exited(0))
        #expect(server.folder.text("other.pid") != "(no file)")
        #expect(server.pid(of: "main") == nil)
        #expect(try server.synctl(["stop"] + server.everything).status == .exited(0))
    }

    @Test func foregroundProcessTakesSynctlsPlace() throws {
        let server = try TestServer()
        let child = try ChildProcess(server.command(["start", server.main, "--no-daemonize"]))
        defer { end(child) }
        // Each look takes a process's start; a look too early is no failure.
        var looks = 0
        while try server.synctl(["status", server.main]).status != .exited(0), looks < 2000 {
            looks += 1
        }
        #expect(server.pid(of: "main") == child.pid)
        child.signal(SIGTERM)
        #expect(child.wait(within: .seconds(60)) == .exited(0))
    }
}

@Suite struct SynctlMisuseTests {
    @Test(arguments: [
        (["start", "-w", "x", "-a", "y"], "-w and -a cannot be used together\n"),
        (
            ["start", "-a", "y", "--no-daemonize"],
            "--no-daemonize is for one process and cannot be used with -a\n"
        ),
        (["stop", "--no-daemonize"], "--no-daemonize goes with start\n"),
        (["start", "--timeout", "0"], "--timeout is a number of seconds from 1 to 86400\n"),
        (["start", "none.yaml"], "none.yaml: there is no such configuration. Make one with:\n"),
        (["start", "-a", "none"], "none: cannot be read: No such file or directory\n"),
    ])
    func misuseIsExplained(arguments: [String], expected: String) throws {
        let answer = try TestServer().synctl(arguments)
        #expect(answer.status == .exited(1))
        #expect(answer.errors.hasPrefix(expected), "\(answer.errors)")
        #expect(!answer.errors.contains("\u{1b}"))
    }

    @Test func mistakesOfAllFilesAreShownOnce() throws {
        let server = try TestServer(workers: ["pusher", "synchrotron1"])
        let folder = server.folder
        folder.write("homeserver.yaml", folder.text("homeserver.yaml") + "bcrypt_rounds: 99\n")
        folder.write(
            "workers/pusher.yaml",
            folder.text("workers/pusher.yaml") + "worker_replication_port: x\n")
        let answer = try server.synctl(["start"] + server.everything)
        #expect(answer.status == .exited(1))
        #expect(
            answer.errors == """
                \(server.main):8: bcrypt_rounds: is the number 99, expected a whole number from 4 to 31
                \(folder.path)/workers/pusher.yaml:9: worker_replication_port: is the text "x", \
                expected a whole number from 1 to 65535

                """)
    }

    @Test func missingPidFileIsExplained() throws {
        let server = try TestServer()
        let text = server.folder.text("homeserver.yaml")
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("pid_file") }
        server.folder.write("homeserver.yaml", lines.joined(separator: "\n"))
        let answer = try server.synctl(["status"])
        #expect(answer.status == .exited(1))
        #expect(
            answer.errors
                == "homeserver.yaml: pid_file: is missing, expected a path, since synctl finds the "
                + "process by it\n")
    }

    @Test func missingProgramIsExplained() throws {
        let server = try TestServer()
        let wrong = try server.synctl(["start", server.main], executable: "/nonexistent")
        #expect(wrong.status == .exited(1))
        #expect(wrong.errors == "/nonexistent is not a program that can be run\n")
    }
}

@Suite struct FleetPlanTests {
    private func process(_ name: String, isMain: Bool = false, pid: String? = nil) -> ManagedProcess
    {
        ManagedProcess(name: name, isMain: isMain, arguments: [], pidFile: pid ?? "\(name).pid")
    }

    @Test func mainComesFirstAndGoesLast() {
        let (a, b, main) = (process("a"), process("b"), process("main", isMain: true))
        let plan = FleetPlan([a, main, b])
        #expect(plan.startGroups == [[main], [a, b]])
        #expect(plan.stopGroups == [[a, b], [main]])
        #expect(FleetPlan([a]).startGroups == [[a]] && FleetPlan([main]).stopGroups == [[main]])
        #expect(FleetPlan([]).startGroups.isEmpty)
    }

    @Test func sharedPidFilesAreFound() {
        let processes = [process("a", pid: "x"), process("b"), process("c", pid: "x")]
        #expect(FleetPlan.conflicts(processes) == ["a and c have the same pid file x"])
        #expect(FleetPlan.conflicts([process("a"), process("b")]).isEmpty)
    }

    @Test func placesAreShownAsTheyAreAsked() {
        let places: [ListenProbe] = [
            .tcp(host: "", port: 1), .tcp(host: "::", port: 2), .tcp(host: "10.0.0.1", port: 3),
            .unix(path: "/x"),
        ]
        #expect(places.map(\.description) == ["127.0.0.1:1", "[::1]:2", "10.0.0.1:3", "unix:/x"])
        #expect(!ListenProbe.unix(path: "/nonexistent").isListening())
        #expect(!ListenProbe.unix(path: String(repeating: "x", count: 300)).isListening())
        #expect(!ListenProbe.tcp(host: "no host", port: 1).isListening())
    }

    @Test func listeningPortIsSeen() throws {
        let descriptor = streamSocket(AF_INET)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(bind(descriptor, $0, size) == 0)
                try #require(getsockname(descriptor, $0, &size) == 0)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        #expect(!ListenProbe.tcp(host: "127.0.0.1", port: port).isListening())
        try #require(listen(descriptor, 5) == 0)
        #expect(ListenProbe.tcp(host: "0.0.0.0", port: port).isListening())
        #expect(ListenProbe.tcp(host: "localhost", port: port).isListening())
    }
}

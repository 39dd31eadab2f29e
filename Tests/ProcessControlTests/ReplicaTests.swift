import Glibc
import TestSupport
import Testing

@testable import ProcessControl

@Suite struct ReplicaTests {
    @Test func everyReplicaStartsAndStops() throws {
        let server = try TestServer(workers: ["sync"], replicas: 3)
        let start = try server.synctl(["start"] + server.everything)
        #expect(start.status == .exited(0), "\(start)")
        for number in 1...3 {
            let pid = try #require(server.pid(of: "sync-\(number)"))
            #expect(start.output.contains("sync-\(number) started (\(pid))\n"))
        }
        #expect(server.pid(of: "sync") == nil)
        let status = try server.synctl(["status"] + server.everything)
        #expect(status.status == .exited(0))
        #expect(
            status.output.contains("listening on unix:\(server.folder.path)/sync-2.sock\n"),
            "\(status)")
        // Each has a log of its own.
        #expect(server.folder.text("log-2") == "sync-2 starting\nsync-2 ready\n")
        let again = try server.synctl(["start"] + server.everything)
        #expect(again.status == .exited(1))
        #expect(again.errors.contains("sync-3 is already running ("))
        #expect(try server.synctl(["stop"] + server.everything).status == .exited(0))
        for number in 1...3 { #expect(server.pid(of: "sync-\(number)") == nil) }
    }

    @Test func oneReplicaIsHandledAlone() throws {
        let server = try TestServer(workers: ["sync"], replicas: 3)
        let worker = [server.main, "-w", "\(server.folder.path)/workers/sync.yaml"]
        #expect(try server.synctl(["start"] + worker).status == .exited(0))
        let before = (1...3).map { server.pid(of: "sync-\($0)") }
        let restart = try server.synctl(["restart"] + worker + ["--replica", "2"])
        #expect(restart.status == .exited(0), "\(restart)")
        let after = (1...3).map { server.pid(of: "sync-\($0)") }
        #expect(before[0] == after[0] && before[2] == after[2])
        #expect(before[1] != after[1] && after[1] != nil)
        let foreground = try server.synctl(["start", "--no-daemonize"] + worker)
        #expect(foreground.errors.contains("choose one of them with --replica"), "\(foreground)")
        let none = try server.synctl(["stop"] + worker + ["--replica", "4"])
        #expect(none.status == .exited(1))
        #expect(none.errors.contains("worker_replicas: is 3, so there is no replica 4"))
        let misuse = try server.synctl(["stop", "--replica", "1"] + server.everything)
        #expect(misuse.errors == "--replica goes with -w\n")
    }

    @Test func whatTheFileNoLongerAsksForIsShownAndStopped() throws {
        let server = try TestServer(workers: ["sync"], replicas: 4)
        #expect(try server.synctl(["start"] + server.everything).status == .exited(0))
        server.write("sync", replicas: 2)
        let status = try server.synctl(["status"] + server.everything)
        #expect(status.status == .exited(3))
        let pid = try #require(server.pid(of: "sync-4"))
        #expect(
            status.errors.contains(
                "sync-4 is running (\(pid)), but its file has no such replica\n"), "\(status)")
        #expect(try server.synctl(["restart"] + server.everything).status == .exited(0))
        #expect(server.pid(of: "sync-1") != nil && server.pid(of: "sync-2") != nil)
        #expect(server.pid(of: "sync-3") == nil && server.pid(of: "sync-4") == nil)
        // A file that has lost its replicas means one process without a number.
        server.write("sync", replicas: nil)
        #expect(try server.synctl(["restart"] + server.everything).status == .exited(0))
        #expect(server.pid(of: "sync") != nil && server.pid(of: "sync-1") == nil)
        server.write("sync", replicas: 1)
        #expect(try server.synctl(["stop"] + server.everything).status == .exited(0))
        #expect(server.pid(of: "sync") == nil)
    }

    @Test func replicaThatFailsIsReportedAlone() throws {
        let server = try TestServer(workers: ["sync"], replicas: 3)
        let start = try server.synctl(["start"] + server.everything, standIn: "fail:sync-2")
        #expect(start.status == .exited(1))
        #expect(start.errors.contains("sync-2 failed to start"), "\(start)")
        #expect(server.pid(of: "sync-1") != nil && server.pid(of: "sync-3") != nil)
    }

    @Test func portsThatMeetAreFound() {
        func process(_ name: String, _ port: UInt16, group: String? = nil) -> ManagedProcess {
            var process = ManagedProcess(
                name: name, isMain: false, arguments: [], pidFile: name,
                addresses: [.tcp(host: "", port: port)])
            process.portGroup = group
            return process
        }
        #expect(
            FleetPlan.conflicts([process("a", 8083), process("b", 8084), process("c", 8083)])
                == ["a and c both listen on 127.0.0.1:8083"])
        #expect(FleetPlan.conflicts([process("a", 0), process("b", 0)]).isEmpty)
        let group = [process("a-1", 8083, group: "a"), process("a-2", 8083, group: "a")]
        #expect(FleetPlan.conflicts(group).isEmpty)
        #expect(FleetPlan.conflicts(group + [process("b", 8083, group: "b")]).count == 1)
    }
}

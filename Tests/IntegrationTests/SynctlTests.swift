import Foundation
import Testing

@Suite("synctl with the real processes", .serialized)
struct SynctlTests {
    @Test("start, status, refusal of a second copy, restart, stop")
    func lifeCycle() throws {
        let fleet = try TestFleet.synchrotrons(1)
        let all = [fleet.homeserver, "-a", fleet.workersFolder]
        #expect(try fleet.synctl(["status"] + all).code != 0)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop"] + all) }
        #expect(try fleet.synctl(["status"] + all).code == 0)
        let first = try #require(fleet.pid(of: "homeserver"))
        let second = try fleet.synctl(["start"] + all)
        #expect(second.output.contains("already running"), "\(second.output)")
        #expect(fleet.pid(of: "homeserver") == first)
        let restart = try fleet.synctl(["restart"] + all)
        #expect(restart.code == 0, "\(restart.output)")
        let after = try #require(fleet.pid(of: "homeserver"))
        #expect(after != first)
        #expect(fleet.pid(of: "synchrotron1") != nil)
        try fleet.stop()
        #expect(fleet.pid(of: "homeserver") == nil)
        #expect(fleet.pid(of: "synchrotron1") == nil)
    }

    @Test("a process that cannot start is reported with its reason")
    func failure() throws {
        let fleet = try TestFleet.synchrotrons(1)
        let text = try String(contentsOfFile: fleet.homeserver, encoding: .utf8)
            .replacing("user: postgres", with: "user: nobody_of_that_name")
        try text.write(toFile: fleet.homeserver, atomically: true, encoding: .utf8)
        let outcome = try fleet.synctl(["start", fleet.homeserver])
        #expect(outcome.code != 0)
        #expect(outcome.output.contains("nobody_of_that_name"), "\(outcome.output)")
        #expect(fleet.pid(of: "homeserver") == nil)
    }

    @Test("a pid file left behind by a crash does not keep a process from starting")
    func stalePidFile() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        try fleet.kill("synchrotron1")
        #expect(FileManager.default.fileExists(atPath: "\(fleet.folder)/synchrotron1.pid"))
        let again = try fleet.synctl(
            ["start", fleet.homeserver, "-w", fleet.workerPath("synchrotron1")])
        #expect(again.code == 0, "\(again.output)")
        #expect(fleet.pid(of: "synchrotron1") != nil)
    }
}

import Bytes
import Foundation
import ProcessControl
import Reactor
import Testing

@testable import Workers

@Suite("The replication tool with real processes", .serialized)
struct ReplicationToolTests {
    @Test("what was recorded, replayed and shown again has the rows that were shown live")
    func roundTrip() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let main = "127.0.0.1:\(fleet.replicationPort)"
        let file = NSTemporaryDirectory() + "beamline-record-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let live = try Running(["tail", main, "--stream", "events", "--json"])
        let raw = try Running(["tail", "localhost:\(fleet.replicationPort)", "--raw"])
        let record = try Running(["record", main, "--output", file])
        for command in [live, raw, record] { try command.says("connected to") }
        let (mainPort, workerPort) = (fleet.mainPort, fleet.workers[0].port)
        try onLoop { loop in
            try await talk(main: mainPort, synchrotron: workerPort, messages: 5, on: loop)
        }
        // The last event has gone to all three, in the order in which they connected or not.
        let last = try lastEvent(of: live)
        try raw.says(last)
        while !(try String(contentsOfFile: file, encoding: .utf8)).contains(last) { sched_yield() }
        for command in [live, raw, record] { command.child.signal(SIGINT) }
        for command in [live, raw, record] { #expect(try command.ends() == 0) }

        let replay = try Running([
            "replay", file, "--listen", "127.0.0.1:0", "--speed", "max", "--server-name", "else",
        ])
        try replay.says("Listening on 127.0.0.1:")
        let port = try #require(
            replay.output.firstMatch(of: /Listening on 127\.0\.0\.1:(\d+)/)?.output.1)
        let again = try Running([
            "tail", "127.0.0.1:\(port)", "--stream", "events", "--json", "--count",
            "\(rows(of: live).count)",
        ])
        #expect(try again.ends() == 0, "\(again.error)")
        #expect(try replay.ends() == 0)
        #expect(replay.output.contains("µs of CPU per row"), "\(replay.output)")
        #expect(rows(of: live).count > 10)
        #expect(rows(of: again) == rows(of: live))
        #expect(raw.output.contains("\nRDATA events "))
    }

    /// The lines without their times.
    private func rows(of command: Running) -> [Substring] {
        command.output.split(separator: "\n").map { $0.drop { $0 != "," } }
    }

    /// The id of the last message that is shown, once five are.
    private func lastEvent(of command: Running) throws -> String {
        let limit = Date(timeIntervalSinceNow: 60)
        while Date() < limit {
            let messages = command.output.matches(
                of: /"event_id":"([^"]+)","room_id":"[^"]+","type":"m\.room\.message"/)
            if messages.count == 5, let last = messages.last { return String(last.output.1) }
            sched_yield()
        }
        throw Program.Unfinished(description: "five messages in:\n\(command.output)")
    }

    @Test("lag tells where the streams are, and how far a worker is behind")
    func lag() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let worker = "127.0.0.1:\(fleet.workers[0].port)"
        let lag = try Running([
            "lag", "127.0.0.1:\(fleet.replicationPort)", "--interval", "100ms", "--count", "3",
            "--metrics", "http://\(worker)/_synapse/metrics", "http://127.0.0.1:1/none",
        ])
        #expect(try lag.ends() == 0, "\(lag.error)")
        #expect(lag.output.contains("answers in "), "\(lag.output)")
        #expect(lag.output.contains(/events +\d+ +0\.0 +– +in step +.*0\.0 s +\?/), "\(lag.output)")
        #expect(lag.output.contains("127.0.0.1:1: no metrics: "), "\(lag.output)")
        #expect(lag.output.ranges(of: "stream ").count == 3)
    }

    @Test("a main process that comes back is followed on")
    func reconnect() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        let tail = try Running(["tail", "127.0.0.1:\(fleet.replicationPort)"])
        try tail.says("connected to")
        try fleet.kill("homeserver")
        try tail.says("disconnected: ")
        #expect(try fleet.synctl(["start", fleet.homeserver]).code == 0)
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let limit = Date(timeIntervalSinceNow: 60)
        while tail.error.ranges(of: "connected to").count < 2, Date() < limit { sched_yield() }
        let (mainPort, workerPort) = (fleet.mainPort, fleet.workers[0].port)
        try onLoop { loop in
            try await talk(main: mainPort, synchrotron: workerPort, messages: 1, on: loop)
        }
        try tail.says("type=m.room.message")
        tail.child.signal(SIGTERM)
        #expect(try tail.ends() == 0)
    }

    @Test("mistakes are explained")
    func mistakes() throws {
        let port = try freePorts(1)[0]
        let cases: [([String], Int32, String)] = [
            (["tail", "localhost"], 64, "HOST:PORT"), (["tail", "::1:5"], 64, "[::1]:5"),
            (["tail", "a:1", "--raw", "--json"], 64, "exclude"),
            (["tail", "a:1", "--since", "5"], 64, "--stream"),
            (["lag", "a:1", "--interval", "soon"], 64, "500ms"),
            (["record", "a:1"], 64, "--output"),
            (["replay", "f", "--listen", "a:1", "--speed", "0"], 64, "max"),
            (["tail", "127.0.0.1:\(port)"], 1, "cannot connect to 127.0.0.1:\(port)"),
            (["record", "127.0.0.1:\(port)", "--output", "/nowhere/f"], 1, "/nowhere/f: "),
            (["replay", "/nowhere/f", "--listen", "127.0.0.1:0"], 1, "/nowhere/f"),
        ]
        for (arguments, code, text) in cases {
            let outcome = try Program.run(Program.built("beamline"), ["replication"] + arguments)
            #expect(outcome.code == code, "\(arguments): \(outcome.output)")
            #expect(outcome.output.contains(text), "\(arguments): \(outcome.output)")
        }
    }

    @Test("what is no main process is told apart")
    func noMain() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let outcome = try Program.run(
            Program.built("beamline"), ["replication", "tail", "127.0.0.1:\(fleet.mainPort)"])
        #expect(outcome.code == 1)
        #expect(outcome.output.contains("cannot be followed"), "\(outcome.output)")
    }
}

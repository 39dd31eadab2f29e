import Foundation
import JSON
import Postgres
import PostgresCluster
import ProcessControl
import Reactor
import Testing

@testable import Workers

/// Main, synchrotrons and PostgreSQL as real processes, killed by SIGKILL in random order while people write and read.
///
/// `BEAMLINE_SOAK_SECONDS` (`make soak`) goes on for so long, but for `kills` at least, and checks that the memory of the
/// synchrotron that nobody kills stays flat.
@Suite("Soak", .serialized)
struct SoakTests {
    private static let kills = 12
    static let seconds =
        ProcessInfo.processInfo.environment["BEAMLINE_SOAK_SECONDS"].flatMap(Double.init) ?? 0
    /// Its memory is watched.
    private static let survivor = "synchrotron3"

    // Not in every `make test` yet: in one of two runs this test itself failed to start PostgreSQL again, see
    // `killPostgres`, and what mends that has not been run often enough.
    @Test(
        "kill -9 of anything in any order: every client ends with exactly the database's events",
        .enabled(if: SoakTests.seconds > 0))
    func soak() throws {
        let cluster = try PostgresCluster(temporary: PostgresCluster.Options(isDurable: true))
        let fleet = try TestFleet(
            (1...3).map { ("synchrotron\($0)", "synapse.app.synchrotron", "client") }, own: cluster)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let outcome = try onLoop { loop in
            let crowd = SoakCrowd(main: fleet.mainPort, synchrotrons: fleet.workers.map(\.port))
            try await crowd.enter(writers: 8, readers: 12, rooms: 4, on: loop)
            let writing = crowd.start(on: loop)
            var killed: [String: Int] = [:]
            var memory: [Double] = []
            let began = loop.now
            var victims: [String] = []
            var latest = "nothing"
            while (loop.now - began) < .seconds(Self.seconds)
                || killed.values.reduce(0, +) < Self.kills
            {
                try await Self.progress(crowd, by: .random(in: 20...150), after: latest, on: loop)
                memory.append(Self.residentMegabytes(fleet.pid(of: Self.survivor)))
                // Everybody once before anybody again, so that the short form has everybody, too.
                if victims.isEmpty { victims = Self.victims.shuffled() }
                let victim = victims.removeLast()
                latest = victim
                killed[victim, default: 0] += 1
                try await loop.offload { try Self.strike(victim, fleet, cluster) }
            }
            try await Self.progress(crowd, by: 100, after: latest, on: loop)
            crowd.isOver = true
            for task in writing { await task.value }
            try await Self.compare(crowd, with: fleet, on: loop)
            memory.append(Self.residentMegabytes(fleet.pid(of: Self.survivor)))
            return (
                killed, memory, crowd.acknowledged, crowd.readers.map(\.interruptions).reduce(0, +),
                crowd.readers.map(\.gaps).reduce(0, +)
            )
        }
        let (killed, memory, acknowledged, interruptions, gaps) = outcome
        // After a fifth of the time all caches are as full as they get.
        let settled = memory[memory.count / 5]
        print(
            "Killed \(killed.sorted { $0.key < $1.key }); \(acknowledged) events to 12 readers,",
            "\(interruptions) polls broken off, \(gaps) gaps filled; memory of \(Self.survivor):",
            "\(settled) MB after a fifth, \(memory.last ?? 0) MB at the end")
        #expect(killed.count == Self.victims.count)
        if Self.seconds >= 300 { #expect((memory.last ?? 0) < settled * 1.3 + 8) }
    }

    private static let victims = [
        "homeserver", "synchrotron1", "synchrotron2", "PostgreSQL", "a backend of PostgreSQL",
        "homeserver and PostgreSQL",
    ]

    /// Kills and starts again.
    private static func strike(
        _ victim: String, _ fleet: TestFleet, _ cluster: PostgresCluster
    ) throws {
        switch victim {
        case "PostgreSQL":
            try killPostgres(cluster)
            try cluster.start()
        case "a backend of PostgreSQL":
            // The server ends all its other processes too, and recovers.
            let backend = try #require(try children(of: postmaster(of: cluster)).last)
            _ = kill(backend, SIGKILL)
        case "homeserver and PostgreSQL":
            try killPostgres(cluster)
            try fleet.kill("homeserver")
            try cluster.start()
            try start("homeserver", fleet)
        default:
            try fleet.kill(victim)
            try start(victim, fleet)
        }
    }

    private static func start(_ name: String, _ fleet: TestFleet) throws {
        let arguments = name == "homeserver" ? [] : ["-w", fleet.workerPath(name)]
        let outcome = try fleet.synctl(["start", fleet.homeserver] + arguments)
        #expect(outcome.code == 0, "\(outcome.output)")
    }

    private static func postmaster(of cluster: PostgresCluster) throws -> Int32 {
        let text = try String(
            contentsOfFile: "\(cluster.folder)/data/postmaster.pid", encoding: .utf8)
        return try #require(text.split(separator: "\n").first.flatMap { Int32($0) })
    }

    /// Returns when its processes are gone too, which hold its shared memory until they have noticed.
    private static func killPostgres(_ cluster: PostgresCluster) throws {
        let pid = try postmaster(of: cluster)
        let children = try children(of: pid)
        try ProcessTable.signal(pid, SIGKILL)
        for process in [pid] + children {
            #expect(ProcessTable.waitForExit(of: process, within: .seconds(60)))
        }
        // Until the cluster has noticed, too, it would take the dead server for a running one and start none.
        try cluster.stop()
    }

    private static func children(of pid: Int32) throws -> [Int32] {
        try String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
            .split(separator: " ").compactMap { Int32($0) }
    }

    private static func progress(
        _ crowd: SoakCrowd, by count: Int, after latest: String, on loop: isolated EventLoop
    ) async throws {
        let goal = crowd.acknowledged + count
        let limit = loop.now + .seconds(120)
        while crowd.acknowledged < goal {
            try #require(
                loop.now < limit, "nobody could write for two minutes after the kill of \(latest)")
            await loop.sleep(for: .milliseconds(10))
        }
    }

    /// What each reader has is what the database holds, in its order.
    private static func compare(
        _ crowd: SoakCrowd, with fleet: TestFleet, on loop: isolated EventLoop
    ) async throws {
        let pool = PostgresPool(
            PostgresConfiguration(
                host: fleet.cluster.socketFolder, port: fleet.cluster.port,
                user: PostgresCluster.superuser, database: fleet.database), on: loop)
        try await pool.start(on: loop)
        let rows = try await pool.query(
            Statement(
                unprepared: """
                    SELECT e.room_id, e.event_id, ((json::jsonb)->'content'->>'number')::bigint
                    FROM events e JOIN event_json j USING (event_id)
                    WHERE (json::jsonb)->'content' ? 'number' ORDER BY e.stream_ordering
                    """), [], on: loop)
        await pool.close(on: loop)
        var stored: [String: [String]] = [:]
        var byNumber: [Int64: String] = [:]
        for row in rows {
            let (room, id, number) = (try row.text(0), try row.text(1), try row.integer(2))
            stored[room, default: []].append(id)
            #expect(byNumber.updateValue(id, forKey: number) == nil, "\(number) is stored twice")
        }
        for writer in crowd.writers {
            for (number, id) in writer.acknowledged {
                #expect(byNumber[number] == id, "\(number) was acknowledged as \(id)")
            }
        }
        #expect(rows.count == crowd.acknowledged)
        let limit = loop.now + .seconds(120)
        while loop.now < limit, crowd.readers.contains(where: { $0.count < rows.count }) {
            await loop.sleep(for: .milliseconds(20))
        }
        for (index, reader) in crowd.readers.enumerated() {
            #expect(reader.doubled.isEmpty, "reader \(index)")
            #expect(reader.seen == stored, "reader \(index) has \(reader.count) of \(rows.count)")
        }
    }

    private static func residentMegabytes(_ pid: Int32?) -> Double {
        guard let pid,
            let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        else { return 0 }
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) / 1024
    }
}

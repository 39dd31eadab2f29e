import Foundation
import JSON
import Postgres
import PostgresCluster
import Reactor
import Recomputation
import Testing

@testable import Workers

/// The main process is killed again and again under fifty senders.
///
/// `BEAMLINE_CRASHES` sets how often (4; a full run takes 100).
@Suite("A crowd and a crashing main process", .serialized)
struct CrowdCrashTests {
    private static let senders = 50
    private static let rooms = 6
    private static let crashes =
        ProcessInfo.processInfo.environment["BEAMLINE_CRASHES"].flatMap(Int.init) ?? 4

    @Test(
        "whatever was acknowledged is there, in order, once, and the tables equal a recomputation")
    func crashes() throws {
        let fleet = try TestFleet([])
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver]) }
        let summary = try onLoop { loop in
            let pool = PostgresPool(
                PostgresConfiguration(
                    host: fleet.cluster.socketFolder, port: fleet.cluster.port,
                    user: PostgresCluster.superuser, database: fleet.database, poolMax: 2),
                on: loop)
            try await pool.start(on: loop)
            let follower = TortureFollower(name: "follower", port: fleet.replicationPort)
            follower.start(on: loop)
            let crowd = CrashCrowd(main: fleet.mainPort)
            try await crowd.enter(Self.senders, rooms: Self.rooms, on: loop)
            let tables = EventRecomputation(server: fleet.serverName)
            let tasks = crowd.senders.map { sender in
                loop.spawn { await sender.speak(until: crowd, on: loop) }
            }
            for round in 1...Self.crashes {
                // Somewhere within a few commits, not always between two of them.
                let goal = crowd.acknowledged + 50 + Int.random(in: 0..<200)
                while crowd.acknowledged < goal { await loop.sleep(for: .milliseconds(3)) }
                try await loop.offload {
                    try fleet.kill("homeserver")
                    let again = try fleet.synctl(["start", fleet.homeserver])
                    #expect(again.code == 0, "\(again.output)")
                }
                let findings = try await tables.check(in: pool, on: loop)
                #expect(findings == [], "after crash \(round)")
                let stored = tables.streamOrderings
                for sender in crowd.senders { sender.expectKept(in: stored, round: round) }
                if !findings.isEmpty { break }
            }
            crowd.isOver = true
            for task in tasks { await task.value }
            #expect(try await tables.check(in: pool, on: loop) == [], "at the end")
            #expect(try await PushRecomputation.mismatches(in: pool, on: loop) == [])
            let stored = tables.streamOrderings
            for sender in crowd.senders { sender.expectKept(in: stored, round: nil) }
            try await Self.expectOnce(crowd, in: pool, on: loop)
            try await Self.expectPublishedOnce(stored, follower, on: loop)
            follower.kill(on: loop)
            await pool.close(on: loop)
            return "\(Self.crashes) crashes, \(crowd.acknowledged) acknowledged, "
                + "\(stored.count) events, \(crowd.repeated) asked for again"
        }
        print("Crowd: \(summary)")
    }

    /// Each numbered message is stored once, and as many as were sent.
    private static func expectOnce(
        _ crowd: CrashCrowd, in pool: PostgresPool, on loop: isolated EventLoop
    ) async throws {
        let rows = try await pool.query(
            Statement(
                unprepared: """
                    SELECT json::jsonb->>'sender', json::jsonb->'content'->>'number', count(*)
                    FROM event_json WHERE json::jsonb->'content' ? 'number' GROUP BY 1, 2
                    """), [], on: loop)
        for row in rows {
            let count = try row.integer(2)
            let name = "\(try row.text(0))'s number \(try row.text(1))"
            #expect(count == 1, "\(name) is stored \(count) times")
        }
        #expect(rows.count == crowd.senders.map(\.acknowledged.count).reduce(0, +))
    }

    /// Whoever follows the stream over all crashes is told of every event once, in order.
    private static func expectPublishedOnce(
        _ stored: [String: Int64], _ follower: TortureFollower, on loop: isolated EventLoop
    ) async throws {
        let inOrder = stored.sorted { $0.value < $1.value }
        let begun = loop.now
        while loop.now - begun < .seconds(60), follower.position < inOrder.last?.value ?? 0 {
            await loop.sleep(for: .milliseconds(20))
        }
        #expect(follower.problems == [])
        #expect(follower.events.map(\.eventID) == inOrder.map(\.key))
        #expect(follower.events.map(\.token) == inOrder.map(\.value))
    }
}

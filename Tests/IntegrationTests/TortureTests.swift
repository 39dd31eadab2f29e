import Foundation
import JSON
import Postgres
import PostgresCluster
import Reactor
import Testing

@testable import Workers

/// Main and workers as real processes, killed at random while many users write.
///
/// `BEAMLINE_TORTURE_EVENTS` sets how many messages are sent (8,000; a full run takes 50,000).
@Suite("Torture", .serialized)
struct TortureTests {
    private static let senders = 8
    private static let events =
        ProcessInfo.processInfo.environment["BEAMLINE_TORTURE_EVENTS"].flatMap(Int.init) ?? 8000

    @Test("Whatever is killed, every worker has seen what the database holds, once and in order")
    func torture() throws {
        let fleet = try TestFleet([
            ("synchrotron1", "synapse.app.synchrotron", "client"),
            ("synchrotron2", "synapse.app.synchrotron", "client"),
            ("pusher1", "synapse.app.pusher", "metrics"),
            ("appservice1", "synapse.app.appservice", "metrics"),
        ])
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let kills = try onLoop { loop in
            let followers = (0..<4).map {
                TortureFollower(name: "follower\($0)", port: fleet.replicationPort)
            }
            for follower in followers { follower.start(on: loop) }
            let crowd = TortureCrowd(main: fleet.mainPort)
            try await crowd.enter(Self.senders, on: loop)
            for index in 0..<Self.senders {
                loop.spawn {
                    await crowd.speak(index, Self.events / Self.senders, on: loop)
                }
            }
            var random = SystemRandomNumberGenerator()
            var kills: [String: Int] = [:]
            // Each kind once at least, then whatever comes.
            var certain = [11, 0, 7]
            while crowd.finished < Self.senders {
                await loop.sleep(for: .milliseconds(Int.random(in: 100...900, using: &random)))
                let victim = certain.popLast() ?? Int.random(in: 0..<12, using: &random)
                let name: String
                if victim < 6 {
                    name = "follower"
                    followers[victim % 4].kill(on: loop)
                    followers[victim % 4].start(on: loop)
                } else if victim < 10 {
                    name = fleet.workers[victim - 6].name
                    try await loop.offload {
                        try fleet.kill(name)
                        let path = fleet.workerPath(name)
                        try fleet.synctl(["start", fleet.homeserver, "-w", path])
                    }
                } else {
                    name = "main"
                    try await loop.offload {
                        try fleet.kill("homeserver")
                        let again = try fleet.synctl(["start", fleet.homeserver])
                        #expect(again.code == 0, "\(again.output)")
                    }
                }
                kills[name, default: 0] += 1
            }
            try await Self.compare(followers, with: fleet, on: loop)
            for follower in followers { follower.kill(on: loop) }
            return kills
        }
        print("Killed: \(kills.sorted { $0.key < $1.key })")
        #expect(kills["main"] ?? 0 > 0 && kills.count > 1)
    }

    /// The followers' views are the database's, and the real workers are where it is.
    private static func compare(
        _ followers: [TortureFollower], with fleet: TestFleet, on loop: isolated EventLoop
    ) async throws {
        let pool = PostgresPool(
            PostgresConfiguration(
                host: fleet.cluster.socketFolder, port: fleet.cluster.port, user: "postgres",
                password: nil, database: fleet.database, applicationName: "torture",
                libpqOptions: [:], poolMin: 1, poolMax: 1), on: loop)
        try await pool.start(on: loop)
        let statement = Statement(
            "torture",
            """
            SELECT stream_ordering, event_id FROM events WHERE stream_ordering > 0
            ORDER BY stream_ordering
            """)
        var stored: [(token: Int64, eventID: String)] = []
        for row in try await pool.query(statement, [], on: loop) {
            stored.append((try row.integer(0), try row.text(1)))
        }
        await pool.close(on: loop)
        #expect(stored.count >= events)
        let last = stored.last?.token ?? 0
        let begun = loop.now
        while loop.now - begun < .seconds(60), !followers.allSatisfy({ $0.position >= last }) {
            await loop.sleep(for: .milliseconds(50))
        }
        for follower in followers {
            #expect(follower.problems.isEmpty)
            #expect(follower.events.map(\.token) == stored.map(\.token))
            #expect(follower.events.map(\.eventID) == stored.map(\.eventID))
        }
        for worker in fleet.workers {
            var position: Int64?
            while loop.now - begun < .seconds(90), position != last {
                await loop.sleep(for: .milliseconds(500))
                position = try? await Self.position(of: worker, on: loop)
            }
            #expect(position == last, "\(worker.name)")
        }
    }

    /// How far a worker's events are, as its metrics say.
    private static func position(
        of worker: TestFleet.Worker, on loop: isolated EventLoop
    ) async throws -> Int64? {
        let connection = DemoConnection(to: .loopback(port: worker.port))
        defer { connection.close(on: loop) }
        let answer = try await connection.request("GET", "/_synapse/metrics", on: loop)
        let name = "beamline_replication_position{stream_name=\"events\"} "
        let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix(name) }),
            let value = Double(line.dropFirst(name.count))
        else { return nil }
        return Int64(value)
    }
}

/// Users who each write into a room of their own until every message is acknowledged.
final class TortureCrowd {
    private let main: SocketAddress
    private var members: [(connection: DemoConnection, token: String, room: String)] = []
    private(set) var finished = 0

    init(main: UInt16) { self.main = .loopback(port: main) }

    func enter(_ count: Int, on loop: isolated EventLoop) async throws {
        for number in 0..<count {
            let connection = DemoConnection(to: main)
            let registered = try await connection.json(
                "POST", "/_matrix/client/v3/register",
                body: [
                    "username": .string("torture\(number)"), "password": "secret",
                    "auth": ["type": "m.login.dummy"],
                ], on: loop)
            let token = try #require(registered["access_token"]?.stringValue)
            let created = try await connection.json(
                "POST", "/_matrix/client/v3/createRoom", token: token, body: [:], on: loop)
            let room = try #require(created["room_id"]?.stringValue)
            members.append((connection, token, room))
        }
    }

    func speak(_ index: Int, _ count: Int, on loop: isolated EventLoop) async {
        let (connection, token, room) = members[index]
        for number in 0..<count {
            let content: JSON = ["msgtype": "m.text", "body": .string("\(number)")]
            while !loop.isStopped {
                let answer = try? await connection.request(
                    "PUT", "/_matrix/client/v3/rooms/\(room)/send/m.room.message/t\(number)",
                    token: token, body: content, on: loop)
                if answer?.status == 200 { break }
                await loop.sleep(for: .milliseconds(50))
            }
        }
        finished += 1
    }
}

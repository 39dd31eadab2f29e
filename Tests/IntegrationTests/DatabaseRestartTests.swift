import JSON
import Postgres
import PostgresCluster
import Reactor
import Testing

@testable import Workers

@Suite("PostgreSQL restarts under senders")
struct DatabaseRestartTests {
    /// One sender's numbered messages, each with a transaction of its own.
    private final class Sender {
        let connection: DemoConnection
        var token = ""
        var room = ""
        var acknowledged: [Int64: String] = [:]
        var refusals: [String] = []

        init(to address: SocketAddress) { connection = DemoConnection(to: address) }

        /// Sends a message once, or again with the same transaction until it is acknowledged.
        func send(_ number: Int64, on loop: isolated EventLoop) async throws {
            let content: JSON = ["msgtype": "m.text", "body": "", "number": .integer(number)]
            while true {
                let answer = try await connection.request(
                    "PUT", "/_matrix/client/v3/rooms/\(room)/send/m.room.message/t\(number)",
                    token: token, body: content, on: loop)
                let body = try JSON(parsing: answer.body)
                if answer.status == 200, let eventID = body["event_id"]?.stringValue {
                    acknowledged[number] = eventID
                    return
                }
                refusals.append("\(answer.status) \(body["errcode"]?.stringValue ?? "")")
                await loop.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test("every request is acknowledged and stored once, or refused in so many words")
    func restarts() throws {
        // Only what waits for the disk survives the crash that an immediate shutdown is.
        let cluster = try PostgresCluster(temporary: PostgresCluster.Options(isDurable: true))
        let fleet = try TestFleet([], own: cluster)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver]) }
        let (port, database) = (fleet.mainPort, fleet.database)
        try onLoop { loop in
            var senders: [Sender] = []
            var rooms: [String] = []
            for index in 0..<16 {
                let sender = Sender(to: .loopback(port: port))
                let registered = try await sender.connection.json(
                    "POST", "/_matrix/client/v3/register",
                    body: [
                        "username": .string("sender\(index)"), "password": "secret",
                        "auth": ["type": "m.login.dummy"],
                    ], on: loop)
                sender.token = try #require(registered["access_token"]?.stringValue)
                if index < 4 {
                    let created = try await sender.connection.json(
                        "POST", "/_matrix/client/v3/createRoom", token: sender.token,
                        body: ["preset": "public_chat"], on: loop)
                    rooms.append(try #require(created["room_id"]?.stringValue))
                } else {
                    _ = try await sender.connection.json(
                        "POST", "/_matrix/client/v3/join/\(rooms[index % 4])",
                        token: sender.token, body: [:], on: loop)
                }
                sender.room = rooms[index % 4]
                senders.append(sender)
            }
            let all = senders
            let isOver = Over()
            let tasks = all.enumerated().map { index, sender in
                loop.spawn { () -> Int64 in
                    var count: Int64 = 0
                    while !isOver.value {
                        count += 1
                        do {
                            try await sender.send(Int64(index) * 1_000_000 + count, on: loop)
                        } catch {
                            Issue.record("\(error)")
                            break
                        }
                    }
                    return count
                }
            }
            func acknowledged() -> Int { all.reduce(0) { $0 + $1.acknowledged.count } }
            for _ in 0..<3 {
                let goal = acknowledged() + 100
                while acknowledged() < goal { await loop.sleep(for: .milliseconds(5)) }
                try await loop.offload {
                    try cluster.stop()
                    try cluster.start()
                }
            }
            let goal = acknowledged() + 100
            while acknowledged() < goal { await loop.sleep(for: .milliseconds(5)) }
            isOver.value = true
            var sent: Int64 = 0
            for task in tasks { sent += await task.value }

            #expect(acknowledged() == Int(sent))
            // The database was away for less than the persister's patience, so nobody need have been refused.
            #expect(Set(all.flatMap(\.refusals)).subtracting(["503 M_UNKNOWN"]) == [])
            let pool = PostgresPool(
                PostgresConfiguration(
                    host: cluster.socketFolder, port: cluster.port,
                    user: PostgresCluster.superuser, database: database), on: loop)
            try await pool.start(on: loop)
            let rows = try await pool.query(
                Statement(
                    unprepared: """
                        SELECT ((json::jsonb)->'content'->>'number')::bigint, event_id
                        FROM event_json WHERE (json::jsonb)->'content' ? 'number'
                        """), [], on: loop)
            var stored: [Int64: [String]] = [:]
            for row in rows { stored[try row.integer(0), default: []].append(try row.text(1)) }
            for sender in all {
                for (number, eventID) in sender.acknowledged {
                    #expect(stored[number] == [eventID], "message \(number)")
                }
            }
            #expect(stored.count == Int(sent))
            // Each event follows one, and each room ends in one.
            let forks = try await pool.query(
                Statement(
                    unprepared: """
                        SELECT (SELECT count(*) FROM event_forward_extremities),
                            (SELECT count(*) FROM (SELECT prev_event_id FROM event_edges
                                GROUP BY 1 HAVING count(*) > 1) x)
                        """), [], on: loop)
            #expect(try forks[0].integer(0) == Int64(rooms.count))
            #expect(try forks[0].integer(1) == 0)
            await pool.close(on: loop)
        }
    }

    private final class Over {
        var value = false
    }
}

import JSON
import Reactor
import Testing

@testable import API

@Suite struct ReportsTests {
    @Test func eventsRoomsAndUsersAreReported() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let event = try await client.say("rude", to: room, token: alice, on: loop)
            let reports: [(String, String, JSON, Int)] = [
                ("rooms/\(room)/report/\(event)", alice, ["reason": "x", "score": -100], 200),
                ("rooms/\(room)/report/\(event)", alice, [:], 200),
                ("rooms/\(room)/report/\(event)", alice, ["reason": 1], 400),
                // Who is not in the room learns nothing of its events, but may report the room.
                ("rooms/\(room)/report/\(event)", bob, ["reason": "x"], 404),
                ("rooms/\(room)/report/$none", alice, ["reason": "x"], 404),
                ("rooms/\(room)/report", bob, ["reason": "x"], 200),
                ("rooms/\(room)/report", bob, [:], 400),
                ("rooms/!none:test/report", bob, ["reason": "x"], 404),
                ("users/@alice:test/report", bob, ["reason": "x"], 200),
                ("users/@nobody:test/report", bob, ["reason": "x"], 200),
                ("users/nobody/report", bob, ["reason": "x"], 400),
                (
                    "users/@alice:test/report", bob,
                    ["reason": .string(String(repeating: "x", count: 2000))], 400
                ),
            ]
            for (path, token, body, status) in reports {
                let answer = try await client.post(path, token: token, body, on: loop)
                #expect(answer.status == status, "\(path) \(answer.body)")
            }
            let anonymous = try await client.request(
                "POST", "/_matrix/client/v3/rooms/\(room)/report", ["reason": "x"], on: loop)
            #expect(anonymous.code == "M_MISSING_TOKEN")
        }
    }

    @Test func theEventNearestToATimeIsFound() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let last = try await client.say("last", to: room, token: alice, on: loop)
            func find(
                _ query: String, _ token: String, on loop: isolated EventLoop
            ) async throws -> Answer {
                try await client.get(
                    "timestamp_to_event?\(query)", of: room, version: "v1", token: token,
                    on: loop)
            }
            let first = try await find("ts=0&dir=f", alice, on: loop)
            let create = try await client.get(
                "state/m.room.create?format=event", of: room, token: alice, on: loop)
            #expect(first.body["event_id"] == create.body["event_id"])
            #expect(first.body["origin_server_ts"] == create.body["origin_server_ts"])
            let newest = try await find("ts=9000000000000&dir=b", alice, on: loop)
            #expect(newest.body["event_id"]?.stringValue == last)
            for query in ["ts=0&dir=b", "ts=9000000000000&dir=f"] {
                let answer = try await find(query, alice, on: loop)
                #expect(answer.code == "M_NOT_FOUND", "\(query)")
            }
            let bad = [
                ("ts=x&dir=b", "M_INVALID_PARAM"), ("ts=1&dir=x", "M_INVALID_PARAM"),
                ("dir=b", "M_MISSING_PARAM"), ("ts=1", "M_MISSING_PARAM"),
            ]
            for (query, code) in bad {
                let answer = try await find(query, alice, on: loop)
                #expect(answer.code == code, "\(query)")
            }
            #expect(try await find("ts=0&dir=f", bob, on: loop).code == "M_FORBIDDEN")
        }
    }
}

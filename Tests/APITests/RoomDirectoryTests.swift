import JSON
import Reactor
import Testing

@testable import API

@Suite struct RoomDirectoryTests {
    private static func ids(_ answer: Answer) -> [String] {
        answer.body["chunk"]?.arrayValue?.compactMap { $0["room_id"]?.stringValue } ?? []
    }

    @Test func publishedRoomsAreListedWithWhatTheyAre() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let garden = try await client.createRoom(
                token: alice,
                [
                    "visibility": "public", "name": "Garden", "topic": "Roses",
                    "room_alias_name": "garden",
                ], on: loop)
            let space = try await client.createRoom(
                token: alice,
                [
                    "visibility": "public", "name": "House",
                    "creation_content": ["type": "m.space"],
                ], on: loop)
            _ = try await client.createRoom(token: alice, ["name": "Secret"], on: loop)
            _ = try await client.post("join/\(space)", token: bob, on: loop)
            let all = try await client.request(
                "GET", "/_matrix/client/v3/publicRooms", token: bob, on: loop)
            #expect(Self.ids(all) == [space, garden])
            #expect(all.body["total_room_count_estimate"] == 2)
            let house = all.body["chunk"]?[0]
            #expect(house?["num_joined_members"] == 2)
            #expect(house?["room_type"] == "m.space")
            let entry = all.body["chunk"]?[1]
            #expect(
                entry == [
                    "room_id": .string(garden), "num_joined_members": 1, "world_readable": false,
                    "guest_can_join": false, "join_rule": "public", "name": "Garden",
                    "topic": "Roses", "canonical_alias": "#garden:test",
                ])
            let first = try await client.request(
                "GET", "/_matrix/client/r0/publicRooms?limit=1", token: bob, on: loop)
            #expect(Self.ids(first) == [space])
            #expect(first.body["prev_batch"] == nil)
            let next = try #require(first.body["next_batch"]?.stringValue)
            let second = try await client.request(
                "GET", "/_matrix/client/v3/publicRooms?limit=1&since=\(next)", token: bob,
                on: loop)
            #expect(Self.ids(second) == [garden])
            #expect(second.body["next_batch"] == nil)
            let previous = try #require(second.body["prev_batch"]?.stringValue)
            let back = try await client.request(
                "GET", "/_matrix/client/v3/publicRooms?limit=1&since=\(previous)", token: bob,
                on: loop)
            #expect(Self.ids(back) == [space])
            let searches: [(JSON, [String])] = [
                (["generic_search_term": "ROSE"], [garden]),
                (["generic_search_term": "hous"], [space]),
                (["generic_search_term": "secret"], []), (["room_types": ["m.space"]], [space]),
                (["room_types": [JSON.null]], [garden]),
                (["room_types": [JSON.null, "m.space"]], [space, garden]),
            ]
            for (filter, expected) in searches {
                let found = try await client.post(
                    "publicRooms", token: bob, ["filter": filter], on: loop)
                #expect(Self.ids(found) == expected, "\(filter)")
            }
        }
    }

    @Test func aRedactedNameIsNotShown() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(
                token: alice, ["visibility": "public", "name": "Oops"], on: loop)
            let name = try await client.get(
                "state/m.room.name?format=event", of: room, token: alice, on: loop)
            let event = try #require(name.body["event_id"]?.stringValue)
            let redacted = try await client.request(
                "PUT", "/_matrix/client/v3/rooms/\(room)/redact/\(event)/1", token: alice, [:],
                on: loop)
            #expect(redacted.status == 200)
            let all = try await client.request(
                "GET", "/_matrix/client/v3/publicRooms", token: alice, on: loop)
            #expect(Self.ids(all) == [room])
            #expect(all.body["chunk"]?[0]?["name"] == nil)
        }
    }

    @Test func roomsArePublishedByThoseWithPower() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat"], on: loop)
            let path = "/_matrix/client/v3/directory/list/room/\(room)"
            func visibility(on loop: isolated EventLoop) async throws -> JSON? {
                try await client.request("GET", path, on: loop).body["visibility"]
            }
            #expect(try await visibility(on: loop) == "private")
            let outside = try await client.request("PUT", path, token: bob, [:], on: loop)
            #expect(outside.code == "M_FORBIDDEN")
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            let powerless = try await client.request("PUT", path, token: bob, [:], on: loop)
            #expect(powerless.code == "M_FORBIDDEN")
            let changes: [(JSON, String)] = [
                ([:], "public"), (["visibility": "private"], "private"),
                (["visibility": "public"], "public"),
            ]
            for (body, expected) in changes {
                let answer = try await client.request("PUT", path, token: alice, body, on: loop)
                #expect(answer.status == 200)
                #expect(try await visibility(on: loop)?.stringValue == expected)
            }
            let bad = try await client.request(
                "PUT", path, token: alice, ["visibility": "secret"], on: loop)
            #expect(bad.code == "M_INVALID_PARAM")
            #expect(try await visibility(on: loop) == "public")
            let anonymous = try await client.request("PUT", path, [:], on: loop)
            #expect(anonymous.code == "M_MISSING_TOKEN")
            for method in ["GET", "PUT"] {
                let missing = try await client.request(
                    method, "/_matrix/client/v3/directory/list/room/!none:test", token: alice,
                    method == "PUT" ? [:] : nil, on: loop)
                #expect(missing.code == "M_NOT_FOUND")
            }
        }
    }

    @Test func listParametersAreChecked() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let anonymous = try await client.request(
                "GET", "/_matrix/client/v3/publicRooms", on: loop)
            #expect(anonymous.code == "M_MISSING_TOKEN")
            for query in ["limit=-1", "limit=x", "since=x", "since=n-5"] {
                let answer = try await client.request(
                    "GET", "/_matrix/client/v3/publicRooms?\(query)", token: alice, on: loop)
                #expect(answer.code == "M_INVALID_PARAM", "\(query)")
            }
            let bodies: [JSON] = [["filter": 1], ["filter": ["room_types": [1]]]]
            for body in bodies {
                let answer = try await client.post("publicRooms", token: alice, body, on: loop)
                #expect(answer.code == "M_BAD_JSON", "\(body)")
            }
            let elsewhere = try await client.request(
                "GET", "/_matrix/client/v3/publicRooms?server=other", token: alice, on: loop)
            #expect(elsewhere.code == "M_NOT_FOUND")
        }
    }

    @Test func aliasesOfARoomAreToldToMembers() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["room_alias_name": "one"], on: loop)
            let added = try await client.request(
                "PUT", "/_matrix/client/v3/directory/room/%23a:test", token: alice,
                ["room_id": .string(room)], on: loop)
            #expect(added.status == 200)
            let own = try await client.get("aliases", of: room, token: alice, on: loop)
            #expect(own.body == ["aliases": ["#a:test", "#one:test"]])
            let outside = try await client.get("aliases", of: room, token: bob, on: loop)
            #expect(outside.code == "M_FORBIDDEN")
            try await client.set(
                "m.room.history_visibility", ["history_visibility": "world_readable"], in: room,
                token: alice, on: loop)
            let peek = try await client.get("aliases", of: room, token: bob, on: loop)
            #expect(peek.body["aliases"]?.arrayValue?.count == 2)
            let missing = try await client.get("aliases", of: "!none:test", token: bob, on: loop)
            #expect(missing.code == "M_FORBIDDEN")
        }
    }
}

import JSON
import Reactor
import Testing

@testable import API

@Suite struct RoomUpgradeTests {
    @Test(arguments: ["1", "6", "11", "12"])
    func aRoomIsReplaced(version: String) throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice,
                [
                    "room_version": "9", "preset": "public_chat", "name": "Garden",
                    "topic": "Roses", "room_alias_name": "garden", "visibility": "public",
                    "creation_content": ["type": "m.space"],
                    "power_level_content_override": [
                        "users": ["@alice:test": 100, "@bob:test": "50"]
                    ],
                ], on: loop)
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            let answer = try await client.post(
                "rooms/\(room)/upgrade", token: alice, ["new_version": .string(version)],
                on: loop)
            #expect(answer.status == 200, "\(answer.body)")
            let new = try #require(answer.body["replacement_room"]?.stringValue)
            func state(
                _ type: String, _ room: String, on loop: isolated EventLoop
            ) async throws -> JSON {
                try await client.get("state/\(type)", of: room, token: alice, on: loop).body
            }
            let tombstone = try await state("m.room.tombstone?format=event", room, on: loop)
            #expect(tombstone["content"]?["replacement_room"]?.stringValue == new)
            let create = try await state("m.room.create", new, on: loop)
            #expect(create["room_version"]?.stringValue == version)
            #expect(create["type"] == "m.space")
            #expect(create["predecessor"]?["room_id"]?.stringValue == room)
            if version != "12" {
                #expect(create["predecessor"]?["event_id"] == tombstone["event_id"])
            }
            #expect(try await state("m.room.name", new, on: loop) == ["name": "Garden"])
            #expect(try await state("m.room.topic", new, on: loop)["topic"] == "Roses")
            #expect(try await state("m.room.join_rules", new, on: loop)["join_rule"] == "public")
            let levels = try await state("m.room.power_levels", new, on: loop)
            let ofBob: JSON = version == "11" || version == "12" ? 50 : "50"
            #expect(levels["users"]?["@bob:test"] == ofBob)
            #expect(levels["users"]?["@alice:test"] == (version == "12" ? nil : 100))
            // The alias leads to the new room, and is that one's alone.
            let alias = try await client.request(
                "GET", "/_matrix/client/v3/directory/room/%23garden:test", token: bob, on: loop)
            #expect(alias.body["room_id"]?.stringValue == new)
            #expect(
                try await state("m.room.canonical_alias", new, on: loop)["alias"] == "#garden:test")
            #expect(try await state("m.room.canonical_alias", room, on: loop) == [:])
            for (listed, visibility) in [(room, "private"), (new, "public")] {
                let listing = try await client.request(
                    "GET", "/_matrix/client/v3/directory/list/room/\(listed)", on: loop)
                #expect(listing.body["visibility"]?.stringValue == visibility)
            }
            // Bob has the power to talk in the old room still, but others would not.
            let closed = try await state("m.room.power_levels", room, on: loop)
            #expect(closed["events_default"] == 50 && closed["invite"] == 50)
            let carol = try await client.register("carol", on: loop)
            _ = try await client.post("join/\(room)", token: carol, on: loop)
            let late = try await client.request(
                "PUT", "/_matrix/client/v3/rooms/\(room)/send/m.room.message/late",
                token: carol, ["body": "x"], on: loop)
            #expect(late.code == "M_FORBIDDEN")
            let joined = try await client.post("join/\(new)", token: bob, on: loop)
            #expect(joined.status == 200)
        }
    }

    @Test func creatorsAreNamedAnew() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(
                token: alice,
                [
                    "room_version": "12",
                    "creation_content": ["additional_creators": ["@bob:test"]],
                ], on: loop)
            let answer = try await client.post(
                "rooms/\(room)/upgrade", token: alice,
                ["new_version": "12", "additional_creators": ["@carol:test"]], on: loop)
            let new = try #require(answer.body["replacement_room"]?.stringValue)
            let create = try await client.get(
                "state/m.room.create", of: new, token: alice, on: loop)
            #expect(create.body["additional_creators"] == ["@carol:test"])
            let back = try await client.post(
                "rooms/\(room)/upgrade", token: alice, ["new_version": "11"], on: loop)
            let old = try #require(back.body["replacement_room"]?.stringValue)
            let levels = try await client.get(
                "state/m.room.power_levels", of: old, token: alice, on: loop)
            #expect(levels.body["users"] == ["@alice:test": 100, "@bob:test": 100])
        }
    }

    @Test func upgradesNeedPowerAndAKnownVersion() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat"], on: loop)
            let body: JSON = ["new_version": "11"]
            let path = "rooms/\(room)/upgrade"
            let outside = try await client.post(path, token: bob, body, on: loop)
            #expect(outside.code == "M_FORBIDDEN")
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            let powerless = try await client.post(path, token: bob, body, on: loop)
            #expect(powerless.code == "M_FORBIDDEN")
            let bad: [(JSON, String)] = [
                ([:], "M_MISSING_PARAM"), (["new_version": 11], "M_BAD_JSON"),
                (["new_version": "99"], "M_UNSUPPORTED_ROOM_VERSION"),
                (["new_version": "12", "additional_creators": ["x"]], "M_INVALID_PARAM"),
            ]
            for (body, code) in bad {
                let answer = try await client.post(path, token: alice, body, on: loop)
                #expect(answer.status == 400)
                #expect(answer.code == code)
            }
            let tombstone = try await client.get(
                "state/m.room.tombstone", of: room, token: alice, on: loop)
            #expect(tombstone.code == "M_NOT_FOUND")
        }
    }
}

import JSON
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

@Suite struct RoomCreationTests {
    @Test func aNewRoomHasWhatItsCreatorAskedFor() throws {
        try withServices { services, loop in
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let created = try await services.rooms.create(
                [
                    "preset": "trusted_private_chat", "name": "Room", "topic": "Talk",
                    "invite": [.string(bob.userID)], "is_direct": true,
                    "room_alias_name": "room", "visibility": "private",
                    "initial_state": [
                        ["type": "m.test", "state_key": "k", "content": ["a": 1]]
                    ],
                    "power_level_content_override": ["users_default": 5],
                    "creation_content": ["m.federate": false],
                ], creator: alice.sender(), on: loop)
            #expect(created.alias == "#room:test")
            let state = try await services.rooms.state(
                of: created.roomID, for: alice.owner, on: loop
            ).map { try JSON(parsing: $0) }
            func content(_ type: String, _ key: String = "") -> JSON? {
                state.first {
                    $0["type"]?.stringValue == type && $0["state_key"]?.stringValue == key
                }?["content"]
            }
            #expect(content("m.room.create")?["room_version"] == "11")
            #expect(content("m.room.create")?["creator"] == nil)
            #expect(content("m.room.create")?["m.federate"] == false)
            #expect(content("m.room.join_rules")?["join_rule"] == "invite")
            #expect(content("m.room.power_levels")?["users"]?["@bob:test"] == 100)
            #expect(content("m.room.power_levels")?["users_default"] == 5)
            #expect(content("m.room.name")?["name"] == "Room")
            #expect(content("m.room.topic")?["topic"] == "Talk")
            #expect(content("m.room.canonical_alias")?["alias"] == "#room:test")
            #expect(content("m.test", "k") == ["a": 1])
            let member = content("m.room.member", "@bob:test")
            #expect(member?["membership"] == "invite")
            #expect(member?["is_direct"] == true)
            #expect(member?["displayname"] == "bob")
            #expect(listener.rows.filter { $0.stream == .events }.count == state.count)
            let taken = await services.code {
                _ = try await services.rooms.create(
                    ["room_alias_name": "room"], creator: bob.sender(), on: loop)
            }
            #expect(taken == "M_ROOM_IN_USE")
        }
    }

    @Test(
        arguments: [
            (["room_version": "99"], "M_UNSUPPORTED_ROOM_VERSION"),
            (
                ["room_version": "12", "creation_content": ["additional_creators": ["bob"]]],
                "M_INVALID_PARAM"
            ),
            (
                [
                    "room_version": "12",
                    "power_level_content_override": ["users": ["@alice:test": 100]],
                ], "M_FORBIDDEN"
            ),
            (["preset": "x"], "M_BAD_JSON"), (["invite": ["bob"]], "M_INVALID_PARAM"),
            (["name": 1], "M_BAD_JSON"), (["initial_state": [["type": "x"]]], "M_BAD_JSON"),
            (["room_alias_name": "a b"], "M_INVALID_PARAM"),
            (["invite": ["@a:elsewhere"]], "M_UNKNOWN"),
            (
                ["name": "x", "power_level_content_override": ["users": ["@alice:test": 0]]],
                "M_FORBIDDEN"
            ),
        ] as [(JSON, String)])
    func badRequestsAreRefused(request: JSON, code: String) throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let found = await services.code {
                _ = try await services.rooms.create(
                    request, creator: alice.sender(), on: loop)
            }
            #expect(found == code)
        }
    }
}

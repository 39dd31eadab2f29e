import JSON
import Reactor
import Testing

@testable import API

@Suite struct JoinRulesTests {
    private static func rules(_ rule: String, allow room: String? = nil) -> JSON {
        var rules: JSON = ["join_rule": .string(rule)]
        if let room {
            rules["allow"] = [["type": "m.room_membership", "room_id": .string(room)]]
        }
        return rules
    }

    private static func withRules(_ rules: JSON, version: String) -> JSON {
        [
            "room_version": .string(version),
            "initial_state": [["type": "m.room.join_rules", "content": rules]],
        ]
    }

    @Test func aKnockIsAnsweredWithAnInvitation() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            var body = Self.withRules(Self.rules("knock"), version: "11")
            body["room_alias_name"] = "door"
            let room = try await client.createRoom(token: alice, body, on: loop)
            let knocked = try await client.post(
                "knock/%23door:test", token: bob, ["reason": "please"], on: loop)
            #expect(knocked.body == ["room_id": .string(room)])
            let member = try await client.get(
                "state/m.room.member/@bob:test", of: room, token: alice, on: loop)
            #expect(member.body["membership"] == "knock")
            #expect(member.body["reason"] == "please")
            #expect(member.body["displayname"] == "bob")
            let early = try await client.post("join/\(room)", token: bob, on: loop)
            #expect(early.code == "M_FORBIDDEN")
            let invited = try await client.post(
                "rooms/\(room)/invite", token: alice, ["user_id": "@bob:test"], on: loop)
            #expect(invited.status == 200)
            let joined = try await client.post("join/\(room)", token: bob, on: loop)
            #expect(joined.status == 200)
            let again = try await client.post("knock/\(room)", token: bob, on: loop)
            #expect(again.code == "M_FORBIDDEN")
        }
    }

    @Test func knocksAreRefusedWhereTheRulesSay() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let closed = try await client.createRoom(token: alice, on: loop)
            let old = try await client.createRoom(
                token: alice, Self.withRules(Self.rules("knock"), version: "6"), on: loop)
            let open = try await client.createRoom(
                token: alice, Self.withRules(Self.rules("knock"), version: "7"), on: loop)
            for (room, status) in [(closed, 403), (old, 403), (open, 200)] {
                let answer = try await client.post("knock/\(room)", token: bob, on: loop)
                #expect(answer.status == status, "\(answer.body)")
            }
            // Who takes the knock back may knock again, who is banned may not.
            let left = try await client.post("rooms/\(open)/leave", token: bob, on: loop)
            #expect(left.status == 200)
            let second = try await client.post("knock/\(open)", token: bob, on: loop)
            #expect(second.status == 200)
            let banned = try await client.post(
                "rooms/\(open)/ban", token: alice, ["user_id": "@bob:test"], on: loop)
            #expect(banned.status == 200)
            let third = try await client.post("knock/\(open)", token: bob, on: loop)
            #expect(third.code == "M_FORBIDDEN")
            for (room, code) in [
                ("!none:test", "M_NOT_FOUND"), ("%23none:test", "M_NOT_FOUND"),
                ("x", "M_INVALID_PARAM"),
            ] {
                let answer = try await client.post("knock/\(room)", token: bob, on: loop)
                #expect(answer.code == code)
            }
            let bad = try await client.request(
                "POST", "/_matrix/client/v3/knock/\(open)", token: bob, bytes: Array("x".utf8),
                on: loop)
            #expect(bad.code == "M_NOT_JSON")
        }
    }

    @Test(arguments: ["8", "9", "10", "11", "12"])
    func membersOfAnotherRoomMayJoin(version: String) throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let space = try await client.createRoom(
                token: alice, ["preset": "public_chat"], on: loop)
            let rule = version == "8" || version == "9" ? "restricted" : "knock_restricted"
            let room = try await client.createRoom(
                token: alice, Self.withRules(Self.rules(rule, allow: space), version: version),
                on: loop)
            let early = try await client.post("join/\(room)", token: bob, on: loop)
            #expect(early.code == "M_FORBIDDEN")
            _ = try await client.post("join/\(space)", token: bob, on: loop)
            let joined = try await client.post("join/\(room)", token: bob, on: loop)
            #expect(joined.status == 200, "\(joined.body)")
            let member = try await client.get(
                "state/m.room.member/@bob:test", of: room, token: bob, on: loop)
            #expect(member.body["join_authorised_via_users_server"] == "@alice:test")
        }
    }

    @Test func nobodyVouchesForOneself() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let space = try await client.createRoom(
                token: alice, ["preset": "public_chat"], on: loop)
            let room = try await client.createRoom(
                token: alice,
                Self.withRules(Self.rules("restricted", allow: space), version: "11"), on: loop)
            let path = "/_matrix/client/v3/rooms/\(room)/state/m.room.member/@bob:test"
            let claim: JSON = [
                "membership": "join", "join_authorised_via_users_server": "@alice:test",
            ]
            let forged = try await client.request("PUT", path, token: bob, claim, on: loop)
            #expect(forged.code == "M_FORBIDDEN")
            _ = try await client.post("join/\(space)", token: bob, on: loop)
            let lie: JSON = [
                "membership": "join", "join_authorised_via_users_server": "@bob:test",
            ]
            let joined = try await client.request("PUT", path, token: bob, lie, on: loop)
            #expect(joined.status == 200)
            let member = try await client.request("GET", path, token: alice, on: loop)
            #expect(member.body["join_authorised_via_users_server"] == "@alice:test")
            // Where nobody of those who are left may invite, nobody can vouch.
            let carol = try await client.register("carol", on: loop)
            _ = try await client.post("join/\(space)", token: carol, on: loop)
            var levels = try await client.get(
                "state/m.room.power_levels", of: room, token: alice, on: loop
            ).body
            levels["invite"] = 50
            try await client.set("m.room.power_levels", levels, in: room, token: alice, on: loop)
            _ = try await client.post("rooms/\(room)/leave", token: alice, on: loop)
            let late = try await client.post("join/\(room)", token: carol, on: loop)
            #expect(late.code == "M_UNABLE_TO_GRANT_JOIN")
        }
    }
}

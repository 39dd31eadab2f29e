import JSON
import Matrix
import Testing

@Suite struct Redactions {
    private func content(
        _ type: String, _ content: JSON.Object, _ version: RoomVersion = .v10
    ) -> JSON? {
        Redaction.redact(["type": .string(type), "content": .object(content)], version: version)[
            "content"]
    }

    @Test func topLevelKeys() {
        let kept: JSON.Object = [
            "event_id": "$e", "type": "m.x", "room_id": "!r:a", "sender": "@u:a",
            "state_key": "", "content": [:], "hashes": [:], "signatures": [:], "depth": 1,
            "prev_events": [], "auth_events": [], "origin_server_ts": 1,
        ]
        let old: JSON.Object = ["prev_state": [], "origin": "a", "membership": "join"]
        let event = kept.merging(old).merging(["redacts": "$x", "unsigned": [:], "age": 1])
        #expect(Redaction.redact(event, version: .v10) == kept.merging(old))
        #expect(Redaction.redact(event, version: .v11) == kept)
    }

    @Test func contentOfOtherTypesGoes() {
        #expect(content("m.room.message", ["body": "x", "membership": "join"]) == [:])
        #expect(content("m.room.redaction", ["redacts": "$x", "reason": "x"]) == [:])
        #expect(
            content("m.room.redaction", ["redacts": "$x", "reason": 1], .v11) == ["redacts": "$x"])
        #expect(content("m.room.aliases", ["aliases": []], .v5) == ["aliases": []])
        #expect(content("m.room.aliases", ["aliases": []], .v6) == [:])
    }

    @Test func member() {
        let all: JSON.Object = [
            "membership": "join", "join_authorised_via_users_server": "@u:a",
            "displayname": "x",
            "third_party_invite": ["signed": ["token": "t"], "display_name": "d"],
        ]
        #expect(content("m.room.member", all, .v8) == ["membership": "join"])
        let authorised: JSON.Object = [
            "membership": "join", "join_authorised_via_users_server": "@u:a",
        ]
        #expect(content("m.room.member", all, .v10) == .object(authorised))
        #expect(
            content("m.room.member", all, .v11)
                == .object(
                    authorised.merging(["third_party_invite": ["signed": ["token": "t"]]])))
    }

    @Test func memberWithAnUnsignedThirdPartyInvite() {
        #expect(
            content("m.room.member", ["third_party_invite": ["display_name": "d"]], .v11)
                == ["third_party_invite": [:]])
        #expect(content("m.room.member", ["third_party_invite": 1], .v11) == [:])
    }

    @Test func createAndJoinRulesAndVisibility() {
        let create: JSON.Object = ["creator": "@u:a", "room_version": "10", "m.federate": false]
        #expect(content("m.room.create", create) == ["creator": "@u:a"])
        #expect(content("m.room.create", create, .v11) == .object(create))
        let rules: JSON.Object = ["join_rule": "restricted", "allow": [], "x": 1]
        #expect(content("m.room.join_rules", rules) == ["join_rule": "restricted", "allow": []])
        #expect(content("m.room.join_rules", rules, .v7) == ["join_rule": "restricted"])
        #expect(
            content("m.room.history_visibility", ["history_visibility": "joined", "x": 1])
                == ["history_visibility": "joined"])
    }

    @Test func powerLevels() {
        let kept: JSON.Object = [
            "ban": 1, "events": [:], "events_default": 2, "kick": 3, "redact": 4,
            "state_default": 5, "users": [:], "users_default": 6,
        ]
        let all = kept.merging(["invite": 7, "notifications": [:]])
        #expect(content("m.room.power_levels", all) == .object(kept))
        #expect(content("m.room.power_levels", all, .v11) == .object(kept.merging(["invite": 7])))
    }

    /// The first version in which redaction keeps a key of a content, and the last.
    @Test(
        arguments: [
            ("m.room.member", "membership", .v1, .v12),
            ("m.room.member", "join_authorised_via_users_server", .v9, .v12),
            ("m.room.create", "creator", .v1, .v12), ("m.room.create", "m.federate", .v11, .v12),
            ("m.room.join_rules", "join_rule", .v1, .v12),
            ("m.room.join_rules", "allow", .v8, .v12),
            ("m.room.power_levels", "users_default", .v1, .v12),
            ("m.room.power_levels", "invite", .v11, .v12),
            ("m.room.aliases", "aliases", .v1, .v5),
            ("m.room.history_visibility", "history_visibility", .v1, .v12),
            ("m.room.redaction", "redacts", .v11, .v12),
        ] as [(String, String, RoomVersion, RoomVersion)])
    func keysByVersion(type: String, key: String, first: RoomVersion, last: RoomVersion) {
        for version in RoomVersion.allCases {
            let kept = content(type, [key: 1, "other": 2], version)?[key] != nil
            #expect(kept == (first...last).contains(version), "\(version.identifier)")
        }
    }

    @Test func brokenContentIsMadeAnObject() {
        #expect(Redaction.redact(["content": "x"], version: .v10) == ["content": [:]])
        #expect(Redaction.redact(["type": 1], version: .v10) == ["type": 1, "content": [:]])
    }
}

public import JSON

/// The push rules that every user has until they change them.
///
/// Specification: client-server, "Predefined Rules".
public enum DefaultPushRules {
    /// The ruleset of a user, as `GET /pushrules/` has it under `global`.
    public static func ruleset(for userID: String) -> JSON {
        [
            "override": .array(overrides(userID)),
            "content": [
                rule(
                    ".m.rule.contains_user_name", actions: loud,
                    ["pattern": .string(Accounts.localpart(userID))])
            ],
            "room": [], "sender": [],
            "underride": .array(underrides),
        ]
    }

    private static let sound: JSON = ["set_tweak": "sound", "value": "default"]
    private static let highlight: JSON = ["set_tweak": "highlight"]
    private static let loud: JSON = ["notify", sound, highlight]

    private static func rule(
        _ id: String, isEnabled: Bool = true, actions: JSON, _ members: JSON
    ) -> JSON {
        var rule = members
        rule["rule_id"] = .string(id)
        rule["default"] = true
        rule["enabled"] = .bool(isEnabled)
        rule["actions"] = actions
        return rule
    }

    private static func rule(
        _ id: String, isEnabled: Bool = true, actions: JSON, when conditions: JSON...
    ) -> JSON {
        rule(id, isEnabled: isEnabled, actions: actions, ["conditions": .array(conditions)])
    }

    private static func matches(_ key: String, _ pattern: String) -> JSON {
        ["kind": "event_match", "key": .string(key), "pattern": .string(pattern)]
    }

    private static func isValue(_ key: String, _ value: JSON) -> JSON {
        ["kind": "event_property_is", "key": .string(key), "value": value]
    }

    private static let mayNotifyRoom: JSON = [
        "kind": "sender_notification_permission", "key": "room",
    ]
    private static let isOneToOne: JSON = ["kind": "room_member_count", "is": "2"]

    private static func overrides(_ userID: String) -> [JSON] {
        [
            rule(".m.rule.master", isEnabled: false, actions: []),
            rule(
                ".m.rule.suppress_notices", actions: [],
                when: matches("content.msgtype", "m.notice")),
            rule(
                ".m.rule.invite_for_me", actions: ["notify", sound],
                when: matches("type", "m.room.member"), matches("content.membership", "invite"),
                matches("state_key", userID)),
            rule(".m.rule.member_event", actions: [], when: matches("type", "m.room.member")),
            rule(
                ".m.rule.is_user_mention", actions: loud,
                when: [
                    "kind": "event_property_contains", "key": "content.m\\.mentions.user_ids",
                    "value": .string(userID),
                ]),
            rule(
                ".m.rule.contains_display_name", actions: loud,
                when: ["kind": "contains_display_name"]),
            rule(
                ".m.rule.is_room_mention", actions: ["notify", highlight],
                when: isValue("content.m\\.mentions.room", true), mayNotifyRoom),
            rule(
                ".m.rule.roomnotif", actions: ["notify", highlight],
                when: matches("content.body", "@room"), mayNotifyRoom),
            rule(
                ".m.rule.tombstone", actions: ["notify", highlight],
                when: matches("type", "m.room.tombstone"), matches("state_key", "")),
            rule(".m.rule.reaction", actions: [], when: matches("type", "m.reaction")),
            rule(
                ".m.rule.room.server_acl", actions: [],
                when: matches("type", "m.room.server_acl"), matches("state_key", "")),
            rule(
                ".m.rule.suppress_edits", actions: [],
                when: isValue("content.m\\.relates_to.rel_type", "m.replace")),
        ]
    }

    private static let underrides: [JSON] = [
        rule(
            ".m.rule.call",
            actions: ["notify", ["set_tweak": "sound", "value": "ring"]],
            when: matches("type", "m.call.invite")),
        rule(
            ".m.rule.encrypted_room_one_to_one", actions: ["notify", sound],
            when: isOneToOne, matches("type", "m.room.encrypted")),
        rule(
            ".m.rule.room_one_to_one", actions: ["notify", sound],
            when: isOneToOne, matches("type", "m.room.message")),
        rule(".m.rule.message", actions: ["notify"], when: matches("type", "m.room.message")),
        rule(".m.rule.encrypted", actions: ["notify"], when: matches("type", "m.room.encrypted")),
    ]
}

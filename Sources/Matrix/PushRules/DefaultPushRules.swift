import JSON

/// The push rules that every user has until they change them.
///
/// The three that look for mentions in the text left the specification with version 1.17. Clients
/// that do not say whom a message mentions still count on them, so they are kept for messages that
/// do not say it.
///
/// Specification: client-server, "Predefined Rules"; before version 1.17 for those three.
enum DefaultPushRules {
    /// Switches notifications off; alone among the server's rules it precedes those of the user.
    static let master = PushRule(
        .override, ".m.rule.master", isEnabled: false, actions: .none, [])

    /// Those rules that look at the text of messages, which say nothing of one with `m.mentions`.
    static let textMentions: Set<PushRule.Name> = [
        PushRule.Name(.override, ".m.rule.contains_display_name"),
        PushRule.Name(.override, ".m.rule.roomnotif"),
        PushRule.Name(.content, ".m.rule.contains_user_name"),
    ]

    /// All others.
    static let rules =
        overrides + underrides + [
            PushRule(.content, ".m.rule.contains_user_name", actions: loud, [.containsLocalpart])
        ]

    private static let sound: JSON = ["set_tweak": "sound", "value": "default"]
    private static let ring: JSON = ["set_tweak": "sound", "value": "ring"]
    private static let highlight: JSON = ["set_tweak": "highlight"]
    private static let quiet = PushActions(trusted: ["notify"])
    private static let audible = PushActions(trusted: ["notify", sound])
    private static let visible = PushActions(trusted: ["notify", highlight])
    private static let loud = PushActions(trusted: ["notify", sound, highlight])

    private static func matches(_ key: String, _ pattern: String) -> PushCondition {
        .eventMatch(key: PropertyPath(key), pattern: PushPattern(pattern))
    }

    private static func isValue(_ key: String, _ value: JSON) -> PushCondition {
        .eventPropertyIs(key: PropertyPath(key), value: value)
    }

    private static let mayNotifyRoom = PushCondition.senderNotificationPermission(key: "room")
    private static let isOneToOne = PushCondition.roomMemberCount(.equal, 2)

    private static func override(
        _ id: String, _ actions: PushActions, _ conditions: PushCondition...
    ) -> PushRule {
        PushRule(.override, ".m.rule." + id, actions: actions, conditions)
    }

    private static let overrides = [
        override("suppress_notices", .none, matches("content.msgtype", "m.notice")),
        override(
            "invite_for_me", audible,
            matches("type", "m.room.member"), matches("content.membership", "invite"),
            .eventMatchesOwner(key: PropertyPath("state_key"))),
        override("member_event", .none, matches("type", "m.room.member")),
        override(
            "is_user_mention", loud,
            .eventPropertyContainsOwner(key: PropertyPath("content.m\\.mentions.user_ids"))),
        override("contains_display_name", loud, .containsDisplayName),
        override(
            "is_room_mention", visible,
            isValue("content.m\\.mentions.room", true), mayNotifyRoom),
        override("roomnotif", visible, matches("content.body", "@room"), mayNotifyRoom),
        override(
            "tombstone", visible,
            matches("type", "m.room.tombstone"), matches("state_key", "")),
        override("reaction", .none, matches("type", "m.reaction")),
        override(
            "room.server_acl", .none,
            matches("type", "m.room.server_acl"), matches("state_key", "")),
        override(
            "suppress_edits", .none, isValue("content.m\\.relates_to.rel_type", "m.replace")),
    ]

    private static func underride(
        _ id: String, _ actions: PushActions, _ conditions: PushCondition...
    ) -> PushRule {
        PushRule(.underride, ".m.rule." + id, actions: actions, conditions)
    }

    private static let underrides = [
        underride(
            "call", PushActions(trusted: ["notify", ring]), matches("type", "m.call.invite")),
        underride(
            "encrypted_room_one_to_one", audible,
            isOneToOne, matches("type", "m.room.encrypted")),
        underride("room_one_to_one", audible, isOneToOne, matches("type", "m.room.message")),
        underride("message", quiet, matches("type", "m.room.message")),
        underride("encrypted", quiet, matches("type", "m.room.encrypted")),
    ]
}

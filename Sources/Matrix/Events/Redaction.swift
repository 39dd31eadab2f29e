public import JSON

/// The redaction algorithm: what remains of an event that was redacted, which is also what its
/// signature and its identifier cover.
///
/// Specification: room versions, "Redactions".
public enum Redaction {
    /// The event without what a redaction removes.
    public static func redact(_ event: JSON.Object, version: RoomVersion) -> JSON.Object {
        var kept = event.filter { keepsTopLevel($0.key, version: version) }
        let content = event["content"]?.objectValue ?? [:]
        let type = event["type"]?.stringValue ?? ""
        kept["content"] = .object(redact(content: content, ofType: type, version: version))
        return kept
    }

    private static func keepsTopLevel(_ key: String, version: RoomVersion) -> Bool {
        switch key {
        case "event_id", "type", "room_id", "sender", "state_key", "content", "hashes",
            "signatures", "depth", "prev_events", "auth_events", "origin_server_ts":
            true
        case "prev_state", "origin", "membership":
            !version.usesUpdatedRedaction
        default: false
        }
    }

    private static func redact(
        content: JSON.Object, ofType type: String, version: RoomVersion
    ) -> JSON.Object {
        if type == EventType.create, version.usesUpdatedRedaction { return content }
        var kept = content.filter { keeps($0.key, inContentOf: type, version: version) }
        if type == EventType.member, version.usesUpdatedRedaction,
            let invite = content["third_party_invite"]?.objectValue
        {
            // Of an invite without `signed` the empty object stays: the identifier covers it,
            // and servers at large compute it so.
            kept["third_party_invite"] = .object(invite.filter { $0.key == "signed" })
        }
        return kept
    }

    private static func keeps(
        _ key: String, inContentOf type: String, version: RoomVersion
    ) -> Bool {
        switch (type, key) {
        case (EventType.member, "membership"), (EventType.create, "creator"),
            (EventType.joinRules, "join_rule"),
            (EventType.historyVisibility, "history_visibility"),
            (EventType.powerLevels, "ban"), (EventType.powerLevels, "events"),
            (EventType.powerLevels, "events_default"), (EventType.powerLevels, "kick"),
            (EventType.powerLevels, "redact"), (EventType.powerLevels, "state_default"),
            (EventType.powerLevels, "users"), (EventType.powerLevels, "users_default"):
            true
        case (EventType.aliases, "aliases"): version.hasAliasRules
        case (EventType.joinRules, "allow"): version.allowsRestrictedJoins
        case (EventType.member, "join_authorised_via_users_server"):
            version.redactionKeepsJoinAuthorisation
        case (EventType.powerLevels, "invite"), (EventType.redaction, "redacts"):
            version.usesUpdatedRedaction
        default: false
        }
    }
}

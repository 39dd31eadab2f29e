import JSON
import ReplicationWire
import Storage

/// How presence is shown to clients.
enum PresenceText {
    /// The content of an `m.presence` event. Specification: client-server API, "Presence".
    static func content(_ presence: PresenceStates.Presence, now: Int64) -> JSON {
        var content: JSON = ["presence": .string(presence.state)]
        if presence.lastActive > 0 {
            content["last_active_ago"] = .integer(max(0, now - presence.lastActive))
        }
        content["status_msg"] = presence.statusMessage.map { .string($0) }
        if presence.state == "online" {
            content["currently_active"] = .bool(presence.isCurrentlyActive)
        }
        return content
    }

    /// An `m.presence` event.
    static func event(_ presence: PresenceStates.Presence, now: Int64) -> [UInt8] {
        let event: JSON = [
            "content": content(presence, now: now), "sender": .string(presence.userID),
            "type": "m.presence",
        ]
        return event.bytes
    }
}

extension PresenceStates.Presence {
    /// What a row tells.
    init(_ row: PresenceStreamRow) {
        self.init(
            userID: row.userID, state: row.state, lastActive: row.lastActiveMilliseconds,
            lastFederationUpdate: row.lastFederationUpdateMilliseconds,
            lastSync: row.lastUserSyncMilliseconds, statusMessage: row.statusMessage,
            isCurrentlyActive: row.isCurrentlyActive)
    }
}

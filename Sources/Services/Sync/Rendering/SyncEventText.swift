import JSON
import Matrix
import Storage

/// Writes stored events as /sync shows them.
enum SyncEventText {
    /// An event of a timeline or of the state; nil if the stored text is broken.
    static func render(
        _ event: SyncEvent, now: Int64, relations: JSON? = nil
    ) -> [UInt8]? {
        let version = version(of: event)
        var options = ClientEvent.Options(includesRoomID: false, age: age(of: event, now))
        if let relations { options.unsigned["m.relations"] = relations }
        if let redaction = event.redaction {
            options.redactedBecause = render(redaction, version)
        } else if let replaced = event.replaced {
            options.unsigned["replaces_state"] = .string(replaced.eventID)
            // A replaced event that does not parse has nothing to show.
            if let json = try? JSON(parsing: replaced.json) {
                options.unsigned["prev_content"] = json["content"]
                options.unsigned["prev_sender"] = json["sender"]
            }
        }
        guard let json = shownText(of: event, version) else { return nil }
        return try? ClientEvent.render(  // Broken: not shown.
            stored: json.span.bytes, eventID: EventID(trusted: event.eventID), version: version,
            options)
    }

    /// An event of a timeline for one client, which is told its own transaction.
    static func render(
        _ event: SyncEvent, now: Int64, relations: JSON?, for request: SyncRequest
    ) -> [UInt8]? {
        guard let bytes = render(event, now: now, relations: relations) else { return nil }
        guard let transaction = event.transaction, transaction.userID == request.userID,
            transaction.deviceID == request.deviceID
        else { return bytes }
        return ClientEvent.adding(transactionID: transaction.id, to: bytes)
    }

    /// An event as servers exchange it, with its id and age; nil if the stored text is broken.
    static func federated(_ event: SyncEvent, now: Int64) -> JSON.Object? {
        guard let text = shownText(of: event, version(of: event)),
            var json = try? JSON(parsing: text).objectValue  // Broken: not shown.
        else { return nil }
        json["event_id"] = .string(event.eventID)
        json["room_id"] = .string(event.roomID)
        var unsigned = json["unsigned"]?.objectValue ?? [:]
        unsigned["age_ts"] = nil
        unsigned["age"] = .integer(age(of: event, now))
        json["unsigned"] = .object(unsigned)
        return json
    }

    /// What people who are not members see of state: no id, no time.
    static func renderStripped(_ event: SyncEvent) -> [UInt8]? {
        guard let text = shownText(of: event, version(of: event)),
            let json = try? JSON(parsing: text).objectValue  // Broken: not shown.
        else { return nil }
        let kept: Set<String> = ["type", "sender", "state_key", "content"]
        return JSON.object(json.filter { kept.contains($0.key) }).bytes
    }

    private static func age(of event: SyncEvent, _ now: Int64) -> Int64 {
        max(0, now - event.originServerTimestamp)
    }

    private static func version(of event: SyncEvent) -> RoomVersion {
        RoomVersion(rawValue: event.roomVersion) ?? .v1  // Of an unknown one the least is kept.
    }

    private static func render(_ other: SyncEvent.Other, _ version: RoomVersion) -> [UInt8]? {
        try? ClientEvent.render(  // Broken: not shown.
            stored: other.json.span.bytes, eventID: EventID(trusted: other.eventID),
            version: version, ClientEvent.Options(includesRoomID: false))
    }

    private static func shownText(of event: SyncEvent, _ version: RoomVersion) -> [UInt8]? {
        guard event.redaction != nil else { return event.json }
        guard let json = try? JSON(parsing: event.json).objectValue else { return nil }
        return JSON.object(Redaction.redact(json, version: version)).bytes
    }
}

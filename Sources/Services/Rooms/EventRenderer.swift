import JSON
import Matrix
import Postgres
import Reactor
import Storage

/// Renders stored events for one reader.
struct EventRenderer {
    let reader: AccessTokens.Owner
    let now: Int64

    /// The events as clients get them, in the same order; redacted ones with what redacted them, and those
    /// that have an entry in `relations` with that as their `m.relations`.
    func render(
        _ events: [StoredEvent], relations: [String: JSON] = [:], from pool: PostgresPool,
        on loop: isolated EventLoop
    ) async throws -> [[UInt8]] {
        let redactions = Set(events.compactMap(\.redactedBy))
        var because: [String: [UInt8]] = [:]
        for redaction in try await Events.events(Array(redactions), in: pool, on: loop) {
            because[redaction.eventID] = try render(
                redaction, redactedBecause: nil, relations: nil)
        }
        var rendered: [[UInt8]] = []
        rendered.reserveCapacity(events.count)
        for event in events {
            let because = event.redactedBy.flatMap { because[$0] }
            rendered.append(
                try render(
                    event, redactedBecause: because, relations: relations[event.eventID]))
        }
        return rendered
    }

    private func render(
        _ event: StoredEvent, redactedBecause: [UInt8]?, relations: JSON?
    ) throws -> [UInt8] {
        guard let version = RoomVersion(rawValue: event.roomVersion) else { return [] }
        var json = Array(event.json.utf8)
        let parsed = event.redactedBy == nil ? nil : try JSON(parsing: json).objectValue
        if let parsed { json = JSON.object(Redaction.redact(parsed, version: version)).bytes }
        var options = ClientEvent.Options(redactedBecause: redactedBecause)
        options.transactionID = transactionID(of: event)
        options.unsigned["m.relations"] = relations
        if let sent = try JSON(parsing: event.json)["origin_server_ts"]?.intValue {
            options.age = max(0, now - sent)
        }
        return try ClientEvent.render(
            stored: json.span.bytes, eventID: EventID(trusted: event.eventID), version: version,
            options)
    }

    /// The reader's own transaction id, if it was the reader's device that sent the event.
    private func transactionID(of event: StoredEvent) -> String? {
        guard event.internalMetadata != "{}", let deviceID = reader.deviceID,
            let metadata = try? JSON(parsing: event.internalMetadata),
            metadata["device_id"]?.stringValue == deviceID,
            let id = metadata["txn_id"]?.stringValue,
            event.sender == reader.userID
        else { return nil }
        return id
    }
}

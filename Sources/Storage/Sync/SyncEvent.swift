import Postgres

/// An event with everything that showing it in /sync needs, read with one statement.
public struct SyncEvent: Sendable, Hashable {
    /// The request of a client that made the event.
    public struct Transaction: Sendable, Hashable {
        /// The sending user.
        public let userID: String
        /// The sending device.
        public let deviceID: String
        /// The client's id for the request.
        public let id: String
    }

    /// An event that this one shows a part of.
    public struct Other: Sendable, Hashable {
        /// Its id.
        public let eventID: String
        /// The whole event as JSON text.
        public let json: [UInt8]
    }

    /// The event's id.
    public let eventID: String
    /// The room it belongs to.
    public let roomID: String
    /// Its position in the stream of events.
    public let streamOrdering: Int64
    /// Its place in the room's graph.
    public let topologicalOrdering: Int64
    /// Its type.
    public let type: String
    /// Its state key; nil for message events.
    public let stateKey: String?
    /// Who sent it.
    public let sender: String
    /// The whole event as JSON text, unredacted.
    public let json: [UInt8]
    /// The version of its room.
    public let roomVersion: String
    /// When it was sent, by the sender's clock, in milliseconds since 1970.
    public let originServerTimestamp: Int64
    /// The newest event that redacts it.
    public let redaction: Other?
    /// What it replaced, for timelines; nil if that was redacted.
    public let replaced: Other?
    /// The request that made it, for timelines; only its device may see it.
    public let transaction: Transaction?
    /// Whether other events relate to it in a way that is told with it, for timelines.
    public let hasRelations: Bool

    private static let columns = """
        e.event_id, e.room_id, e.stream_ordering, e.topological_ordering, e.type, e.state_key,
        e.sender, j.json, r.room_version, e.origin_server_ts, d.event_id, d.json
        """

    private static let joins = """
        JOIN event_json j ON j.event_id = e.event_id
        LEFT JOIN rooms r ON r.room_id = e.room_id
        LEFT JOIN LATERAL (
            SELECT x.event_id, x.json FROM redactions s JOIN event_json x ON x.event_id = s.event_id
            WHERE s.redacts = e.event_id ORDER BY s.received_ts DESC LIMIT 1
        ) d ON true
        """

    /// `SELECT … FROM source …` for events shown in timelines; `source` calls the events `e`.
    static func timelineSelection(from source: String) -> String {
        """
        SELECT \(columns), p.event_id, p.json, t.user_id, t.device_id, t.txn_id,
            e.state_key IS NULL AND EXISTS (
                SELECT 1 FROM event_relations b WHERE b.relates_to_id = e.event_id
                AND b.relation_type IN ('m.replace', 'm.thread', 'm.reference'))
        FROM \(source)
        \(joins)
        LEFT JOIN LATERAL (
            SELECT x.event_id, x.json FROM current_state_delta_stream c
            JOIN event_json x ON x.event_id = c.prev_event_id
            WHERE e.state_key IS NOT NULL AND c.stream_id = e.stream_ordering
            AND c.event_id = e.event_id
            AND NOT EXISTS (SELECT 1 FROM redactions s WHERE s.redacts = x.event_id)
            LIMIT 1
        ) p ON true
        LEFT JOIN event_txn_id_device_id t ON t.event_id = e.event_id
        """
    }

    /// The same for state, of which neither the predecessor nor the transaction is shown.
    static func stateSelection(from source: String) -> String {
        """
        SELECT \(columns), NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, false
        FROM \(source)
        \(joins)
        """
    }

    init(_ row: Row) throws(PostgresError) {
        eventID = try row.text(0)
        roomID = try row.text(1)
        streamOrdering = try row.optionalInteger(2) ?? 0
        topologicalOrdering = try row.integer(3)
        type = try row.text(4)
        stateKey = try row.optionalText(5)
        sender = try row.optionalText(6) ?? ""
        json = try row.bytes(7)
        roomVersion = try row.optionalText(8) ?? "1"
        originServerTimestamp = try row.optionalInteger(9) ?? 0
        redaction = try Self.other(row, 10)
        replaced = try Self.other(row, 12)
        hasRelations = try row.bool(17)
        if let user = try row.optionalText(14) {
            transaction = Transaction(
                userID: user, deviceID: try row.text(15), id: try row.text(16))
        } else {
            transaction = nil
        }
    }

    private static func other(_ row: Row, _ column: Int) throws(PostgresError) -> Other? {
        guard let eventID = try row.optionalText(column) else { return nil }
        return Other(eventID: eventID, json: try row.bytes(column + 1))
    }

    static func read(_ rows: Rows) throws(PostgresError) -> [SyncEvent] {
        var events: [SyncEvent] = []
        events.reserveCapacity(rows.count)
        for row in rows { events.append(try SyncEvent(row)) }
        return events
    }
}

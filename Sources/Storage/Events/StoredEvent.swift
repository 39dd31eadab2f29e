public import Postgres
public import Reactor

/// An event as it was stored, with what rendering it to a client needs.
public struct StoredEvent: Sendable, Hashable {
    /// The event's id.
    public let eventID: String
    /// The room it belongs to.
    public let roomID: String
    /// Its position; nil for an outlier.
    public let streamOrdering: Int64
    /// Its place in the room's graph.
    public let topologicalOrdering: Int64
    /// The whole event as JSON text, unredacted.
    public let json: String
    /// What only this server knows of it, as JSON text.
    public let internalMetadata: String
    /// The version of its room.
    public let roomVersion: String
    /// The newest event that redacts it; the reader prunes the event when this is not nil.
    public let redactedBy: String?
    /// Why the auth rules refused it, if they did; such events are never shown.
    public let rejection: String?
    /// The state group of the room after it.
    public let stateGroup: Int64?
    /// Its type.
    public let type: String
    /// Its state key; nil for message events.
    public let stateKey: String?
    /// Who sent it.
    public let sender: String
    /// Whether its content has a `url`.
    public let containsURL: Bool

    /// The columns that ``init(_:)`` expects and the joins that they come from; a statement adds
    /// its conditions on `e` (events) and its order.
    public static let selection = """
        SELECT e.event_id, e.room_id, e.stream_ordering, e.topological_ordering, j.json,
            j.internal_metadata, r.room_version, d.event_id, n.reason, g.state_group,
            e.type, e.state_key, e.sender, e.contains_url
        FROM events e
        JOIN event_json j ON j.event_id = e.event_id
        LEFT JOIN rooms r ON r.room_id = e.room_id
        LEFT JOIN rejections n ON n.event_id = e.event_id
        LEFT JOIN event_to_state_groups g ON g.event_id = e.event_id
        LEFT JOIN LATERAL (
            SELECT event_id FROM redactions WHERE redacts = e.event_id
            ORDER BY received_ts DESC LIMIT 1
        ) d ON true
        """

    /// Reads a row of ``selection``.
    public init(_ row: Row) throws(PostgresError) {
        eventID = try row.text(0)
        roomID = try row.text(1)
        streamOrdering = try row.optionalInteger(2) ?? 0
        topologicalOrdering = try row.integer(3)
        json = try row.text(4)
        internalMetadata = try row.text(5)
        roomVersion = try row.optionalText(6) ?? "1"
        redactedBy = try row.optionalText(7)
        rejection = try row.optionalText(8)
        stateGroup = try row.optionalInteger(9)
        type = try row.text(10)
        stateKey = try row.optionalText(11)
        sender = try row.optionalText(12) ?? ""
        containsURL = try row.optionalBool(13) ?? false
    }
}

extension Events {
    private static let byIDs = Statement(
        "events_by_ids",
        "\(StoredEvent.selection) WHERE e.event_id = ANY($1::text[])")

    // Of a room's state all is known that most of the other joins are for, and there may be thousands of it.
    private static let stateByIDs = Statement(
        "events_state_by_ids",
        """
        SELECT e.event_id, e.room_id, e.stream_ordering, e.topological_ordering, j.json,
            j.internal_metadata, $2::text, d.event_id, NULL::text, NULL::bigint,
            e.type, e.state_key, e.sender, e.contains_url
        FROM events e
        JOIN event_json j ON j.event_id = e.event_id
        LEFT JOIN LATERAL (
            SELECT event_id FROM redactions WHERE redacts = e.event_id
            ORDER BY received_ts DESC LIMIT 1
        ) d ON true
        WHERE e.event_id = ANY($1::text[])
        """)

    private static let byStream = Statement(
        "events_by_stream",
        """
        \(StoredEvent.selection) WHERE e.stream_ordering > $1 AND e.stream_ordering <= $2
        AND NOT e.outlier ORDER BY e.stream_ordering LIMIT $3
        """)

    private static let ofRooms = Statement(
        "events_of_rooms",
        """
        \(StoredEvent.selection) WHERE e.room_id = ANY($1::text[])
        AND e.stream_ordering > $2 AND e.stream_ordering <= $3
        AND NOT e.outlier ORDER BY e.stream_ordering LIMIT $4
        """)

    private static let backwards = Statement(
        "events_backwards",
        """
        \(StoredEvent.selection) WHERE e.room_id = $1 AND NOT e.outlier
        AND (e.topological_ordering, e.stream_ordering) <= ($2, $3)
        AND (e.topological_ordering, e.stream_ordering) > ($4, $5)
        ORDER BY e.topological_ordering DESC, e.stream_ordering DESC LIMIT $6
        """)

    private static let forwards = Statement(
        "events_forwards",
        """
        \(StoredEvent.selection) WHERE e.room_id = $1 AND NOT e.outlier
        AND (e.topological_ordering, e.stream_ordering) > ($2, $3)
        AND (e.topological_ordering, e.stream_ordering) <= ($4, $5)
        ORDER BY e.topological_ordering, e.stream_ordering LIMIT $6
        """)

    private static let topologicalAt = Statement(
        "events_topological_at",
        """
        SELECT topological_ordering FROM events
        WHERE room_id = $1 AND stream_ordering <= $2 AND NOT outlier
        ORDER BY stream_ordering DESC LIMIT 1
        """)

    private static let announced = Statement(
        "events_announcements",
        """
        SELECT e.stream_ordering, e.event_id, e.room_id, e.type, e.state_key, r.redacts
        FROM events e LEFT JOIN redactions r ON r.event_id = e.event_id
        WHERE e.stream_ordering > $1 AND e.stream_ordering <= $2 AND NOT e.outlier
        ORDER BY e.stream_ordering LIMIT $3
        """)

    /// The events with these ids, in no particular order; unknown ids are left out.
    public static func events(
        _ ids: [String], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [StoredEvent] {
        if ids.isEmpty { return [] }
        return try await read(database.query(byIDs, [.textArray(ids)], on: loop))
    }

    /// Events that are, or were, state of a room of that version, in no particular order and without their
    /// state groups.
    public static func stateEvents(
        _ ids: [String], roomVersion: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [StoredEvent] {
        if ids.isEmpty { return [] }
        let parameters: [PostgresValue] = [.textArray(ids), .text(roomVersion)]
        return try await read(database.query(stateByIDs, parameters, on: loop))
    }

    /// The events of all rooms after `from` and up to `to`, oldest first.
    public static func events(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [StoredEvent] {
        let parameters: [PostgresValue] = [
            .integer(from), .integer(to), .integer(Int64(limit)),
        ]
        return try await read(database.query(byStream, parameters, on: loop))
    }

    /// The first `limit` events of some rooms between two positions, in order of their positions: after `from`, up to
    /// and with `to`.
    public static func events(
        of roomIDs: [String], from: Int64, to: Int64, limit: Int, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [StoredEvent] {
        if roomIDs.isEmpty || from >= to { return [] }
        let parameters: [PostgresValue] = [
            .textArray(roomIDs), .integer(from), .integer(to), .integer(Int64(limit)),
        ]
        return try await read(database.query(ofRooms, parameters, on: loop))
    }

    /// A page of a room in topological order.
    ///
    /// `from` is the starting point and `to` the end, both between events: the event *at* a place
    /// lies before it.
    public static func page(
        roomID: String, from: EventPlace, to: EventPlace, isBackwards: Bool, limit: Int,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [StoredEvent] {
        let parameters: [PostgresValue] = [
            .text(roomID), .integer(from.topological), .integer(from.stream),
            .integer(to.topological), .integer(to.stream), .integer(Int64(limit)),
        ]
        return try await read(
            database.query(isBackwards ? backwards : forwards, parameters, on: loop))
    }

    /// The topological ordering a room had reached at a stream position.
    public static func topologicalOrdering(
        roomID: String, atStreamOrdering position: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(topologicalAt, [.text(roomID), .integer(position)], on: loop)
            .firstInteger ?? 0
    }

    /// What replication announces of each event.
    public struct Announcement: Sendable, Hashable {
        /// The event's position.
        public let streamOrdering: Int64
        /// The event's id.
        public let eventID: String
        /// The room it belongs to.
        public let roomID: String
        /// Its type.
        public let type: String
        /// Its state key; nil for message events.
        public let stateKey: String?
        /// The event that it redacts.
        public let redacts: String?

        /// An announcement with these fields.
        public init(
            streamOrdering: Int64, eventID: String, roomID: String, type: String,
            stateKey: String?, redacts: String?
        ) {
            self.streamOrdering = streamOrdering
            self.eventID = eventID
            self.roomID = roomID
            self.type = type
            self.stateKey = stateKey
            self.redacts = redacts
        }
    }

    /// Announcements of the events after `from` and up to `to`, oldest first, for replication's catch-up.
    public static func announcements(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Announcement] {
        let rows = try await database.query(
            announced, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop)
        var announcements: [Announcement] = []
        for row in rows {
            announcements.append(
                Announcement(
                    streamOrdering: try row.integer(0), eventID: try row.text(1),
                    roomID: try row.text(2), type: try row.text(3),
                    stateKey: try row.optionalText(4), redacts: try row.optionalText(5)))
        }
        return announcements
    }

    private static func read(_ rows: Rows) throws(PostgresError) -> [StoredEvent] {
        var events: [StoredEvent] = []
        events.reserveCapacity(rows.count)
        for row in rows { events.append(try StoredEvent(row)) }
        return events
    }
}

public import Postgres
public import Reactor

/// Reads the timelines of many rooms at once.
public enum SyncTimelines {
    /// The part of a room's timeline to read: the newest events after one position and up to another.
    public struct Window: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// Events at or before this position are not read.
        public let after: Int64
        /// Nor are events after this one.
        public let upTo: Int64

        /// A window with these bounds.
        public init(roomID: String, after: Int64, upTo: Int64) {
            self.roomID = roomID
            self.after = after
            self.upTo = upTo
        }
    }

    /// Which events of the windows to read. Patterns are SQL's: `%` and `_` stand for anything.
    public struct Conditions: Sendable, Hashable {
        /// Patterns of types to read; nil for all.
        public var types: [String]?
        /// Patterns of types to leave out.
        public var notTypes: [String] = []
        /// Senders to read; nil for all.
        public var senders: [String]?
        /// Senders to leave out.
        public var notSenders: [String] = []
        /// Whether the content must have a `url`, or must not.
        public var containsURL: Bool?
        /// Ways in one of which another event must relate to it; nil for no such demand.
        public var relatedByTypes: [String]?
        /// Senders of one of whom another event must relate to it; nil for no such demand.
        public var relatedBySenders: [String]?
        /// Users whose message events are left out; their state is not.
        public var ignoredUsers: [String] = []

        /// Everything.
        public init() {}

        var parameters: [PostgresValue] {
            [
                types.map(PostgresValue.textArray) ?? .null, .textArray(notTypes),
                senders.map(PostgresValue.textArray) ?? .null, .textArray(notSenders),
                PostgresValue(containsURL), .textArray(ignoredUsers),
                relatedByTypes.map(PostgresValue.textArray) ?? .null,
                relatedBySenders.map(PostgresValue.textArray) ?? .null,
            ]
        }
    }

    private static let windows = Statement(
        "sync_timelines",
        SyncEvent.timelineSelection(
            from: """
                unnest($1::text[], $2::bigint[], $3::bigint[]) AS w (room, low, high)
                CROSS JOIN LATERAL (
                    SELECT * FROM events v WHERE v.room_id = w.room
                    AND v.stream_ordering > w.low AND v.stream_ordering <= w.high
                    AND NOT v.outlier AND v.rejection_reason IS NULL
                    AND ($5::text[] IS NULL OR v.type LIKE ANY ($5)) AND NOT v.type LIKE ANY ($6)
                    AND ($7::text[] IS NULL OR v.sender = ANY ($7)) AND v.sender <> ALL ($8::text[])
                    AND ($9::boolean IS NULL OR coalesce(v.contains_url, false) = $9)
                    AND (v.state_key IS NOT NULL OR v.sender <> ALL ($10::text[]))
                    AND ($11::text[] IS NULL AND $12::text[] IS NULL OR EXISTS (
                        SELECT 1 FROM event_relations q JOIN events s ON s.event_id = q.event_id
                        WHERE q.relates_to_id = v.event_id
                        AND ($11 IS NULL OR q.relation_type = ANY ($11))
                        AND ($12 IS NULL OR s.sender = ANY ($12))))
                    ORDER BY v.stream_ordering DESC LIMIT $4
                ) e
                """) + " ORDER BY e.room_id, e.stream_ordering")

    private static let byIDs = Statement(
        "sync_events",
        SyncEvent.timelineSelection(from: "events e")
            + """
             WHERE e.event_id = ANY ($1::text[]) AND NOT e.outlier AND e.rejection_reason IS NULL
            ORDER BY e.stream_ordering
            """)

    private static let changed = Statement(
        "sync_changed_rooms",
        """
        SELECT DISTINCT room_id FROM events WHERE stream_ordering > $1 AND stream_ordering <= $2
        """)

    /// The newest `limit` events of each window, by room and then oldest first.
    public static func reading(
        _ windows: [Window], limit: Int, conditions: Conditions
    ) -> (Statement, [PostgresValue]) {
        (
            self.windows,
            [
                .textArray(windows.map(\.roomID)), .integerArray(windows.map(\.after)),
                .integerArray(windows.map(\.upTo)), .integer(Int64(limit)),
            ] + conditions.parameters
        )
    }

    /// The events with these ids, oldest first, without those that are never shown.
    public static func reading(eventIDs: [String]) -> (Statement, [PostgresValue]) {
        (byIDs, [.textArray(eventIDs)])
    }

    /// What the statements of `reading` gave.
    public static func events(_ rows: Rows) throws(PostgresError) -> [SyncEvent] {
        try SyncEvent.read(rows)
    }

    /// The rooms with events after a position and up to another.
    ///
    /// Cheap if they are close together.
    public static func changedRooms(
        after: Int64, upTo: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        try await database.query(changed, [.integer(after), .integer(upTo)], on: loop).texts()
    }
}

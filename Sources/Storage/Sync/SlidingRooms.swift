public import Postgres

/// Reads what lists of rooms are sorted and chosen by.
public enum SlidingRooms {
    /// What a list needs to know of a room, or a piece of it.
    public struct Fact: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// The position of the last event that moves the room up.
        public let bumpStamp: Int64
        /// The type of a piece of the room's state with an empty key; nil if there is none.
        public let type: String?
        /// Its event as JSON text.
        public let json: [UInt8]?
    }

    // Types of msc4186 that move a room up in lists.
    private static let facts = Statement(
        "sliding_room_facts",
        """
        SELECT w.room, coalesce(b.stream_ordering, 0), c.type, j.json
        FROM unnest($1::text[]) AS w (room)
        LEFT JOIN LATERAL (
            SELECT e.stream_ordering FROM events e
            WHERE e.room_id = w.room AND NOT e.outlier AND e.rejection_reason IS NULL
            AND e.type IN ('m.room.create', 'm.room.message', 'm.room.encrypted', 'm.sticker',
                'm.call.invite', 'm.poll.start', 'm.beacon_info')
            ORDER BY e.stream_ordering DESC LIMIT 1
        ) b ON true
        LEFT JOIN current_state_events c ON c.room_id = w.room AND c.state_key = ''
            AND c.type IN ('m.room.create', 'm.room.name', 'm.room.avatar', 'm.room.encryption')
        LEFT JOIN event_json j ON j.event_id = c.event_id
        """)

    private static let direct = Statement(
        "sliding_direct_rooms",
        """
        SELECT content FROM account_data
        WHERE user_id = $1 AND account_data_type = 'm.direct' AND stream_id <= $2
        """)

    /// What lists need to know of some rooms.
    public static func readingFacts(roomIDs: [String]) -> (Statement, [PostgresValue]) {
        (facts, [.textArray(roomIDs)])
    }

    /// Which of a user's rooms are for talking with one person, as the user's clients say.
    public static func readingDirect(
        userID: String, upTo position: Int64
    ) -> (Statement, [PostgresValue]) {
        (direct, [.text(userID), .integer(position)])
    }

    /// What the statement of `readingFacts` gave.
    public static func facts(_ rows: Rows) throws(PostgresError) -> [Fact] {
        var facts: [Fact] = []
        for row in rows {
            facts.append(
                Fact(
                    roomID: try row.text(0), bumpStamp: try row.integer(1),
                    type: try row.optionalText(2), json: try row.optionalBytes(3)))
        }
        return facts
    }

    /// What the statement of `readingDirect` gave: the content as JSON text.
    public static func direct(_ rows: Rows) throws(PostgresError) -> [UInt8]? {
        try rows.first.map { row throws(PostgresError) in try row.bytes(0) }
    }
}

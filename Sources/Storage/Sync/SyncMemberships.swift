public import Postgres

/// Reads where a user is or was a member, as of a position.
public enum SyncMemberships {
    /// A user's membership of a room at the position asked for.
    public struct Membership: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// The membership event.
        public let eventID: String
        /// `join`, `invite`, `leave`, `ban` or `knock`.
        public let membership: String
        /// The position of the membership event.
        public let streamOrdering: Int64
        /// Who sent the membership event.
        public let sender: String
        /// Whether the user left the room and asked not to see it again.
        public let isForgotten: Bool
    }

    /// One membership of a user's past in a room.
    public struct Past: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// The membership.
        public let membership: String
        /// Since when.
        public let streamOrdering: Int64
    }

    // What is newer than the position is replaced by what was there before.
    private static let current = Statement(
        "sync_memberships",
        """
        SELECT l.room_id, l.event_id, l.membership, coalesce(l.event_stream_ordering, 0),
            m.sender, coalesce(m.forgotten, 0)
        FROM local_current_membership l LEFT JOIN room_memberships m ON m.event_id = l.event_id
        WHERE l.user_id = $1 AND coalesce(l.event_stream_ordering, 0) <= $2
        UNION ALL
        SELECT l.room_id, m.event_id, m.membership, m.event_stream_ordering, m.sender, 0
        FROM local_current_membership l CROSS JOIN LATERAL (
            SELECT * FROM room_memberships x
            WHERE x.user_id = l.user_id AND x.room_id = l.room_id
            AND x.event_stream_ordering <= $2
            ORDER BY x.event_stream_ordering DESC LIMIT 1
        ) m
        WHERE l.user_id = $1 AND l.event_stream_ordering > $2
        """)

    private static let past = Statement(
        "sync_membership_history",
        """
        SELECT m.room_id, m.membership, m.event_stream_ordering
        FROM local_current_membership l
        JOIN room_memberships m ON m.user_id = l.user_id AND m.room_id = l.room_id
        WHERE l.user_id = $1 AND l.event_stream_ordering > $2 AND m.event_stream_ordering <= $3
        ORDER BY m.room_id, m.event_stream_ordering
        """)

    private static let ignored = Statement(
        "sync_ignored_users",
        "SELECT ignored_user_id FROM ignored_users WHERE ignorer_user_id = $1")

    /// All memberships of a user at a position.
    public static func reading(
        userID: String, at position: Int64
    ) -> (Statement, [PostgresValue]) {
        (current, [.text(userID), .integer(position)])
    }

    /// The past up to a position in the rooms where the membership changed after another.
    public static func readingHistory(
        userID: String, changedAfter: Int64, upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (past, [.text(userID), .integer(changedAfter), .integer(upTo)])
    }

    /// Whom a user ignores.
    public static func readingIgnored(userID: String) -> (Statement, [PostgresValue]) {
        (ignored, [.text(userID)])
    }

    /// What the statement of `reading` gave.
    public static func memberships(_ rows: Rows) throws(PostgresError) -> [Membership] {
        var memberships: [Membership] = []
        memberships.reserveCapacity(rows.count)
        for row in rows {
            memberships.append(
                Membership(
                    roomID: try row.text(0), eventID: try row.text(1),
                    membership: try row.text(2), streamOrdering: try row.integer(3),
                    sender: try row.optionalText(4) ?? "", isForgotten: try row.integer(5) != 0))
        }
        return memberships
    }

    /// What the statement of `readingHistory` gave: by room, oldest first.
    public static func history(_ rows: Rows) throws(PostgresError) -> [String: [Past]] {
        var history: [String: [Past]] = [:]
        for row in rows {
            let past = Past(
                roomID: try row.text(0), membership: try row.text(1),
                streamOrdering: try row.integer(2))
            history[past.roomID, default: []].append(past)
        }
        return history
    }

    /// What the statement of `readingIgnored` gave.
    public static func ignoredUsers(_ rows: Rows) throws(PostgresError) -> [String] {
        try rows.texts()
    }
}

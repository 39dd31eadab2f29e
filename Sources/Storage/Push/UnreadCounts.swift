public import Postgres

/// Counts what users have not read, from `room_push_actions`, `event_push_actions` and `push_positions`.
public enum UnreadCounts {
    /// What one user has not read in one thread of a room.
    public struct Count: Sendable, Hashable {
        /// Who.
        public let userID: String
        /// The room.
        public let roomID: String
        /// The root's id, or `main`.
        public let threadID: String
        /// How many notifications.
        public let notifications: Int64
        /// How many of them are highlighted.
        public let highlights: Int64
    }

    /// What a new event does to those whom it notifies.
    public struct Action: Sendable, Hashable {
        /// Who; nil for everybody but the sender and those with an action of their own.
        public let userID: String?
        /// The room.
        public let roomID: String
        /// The event's position.
        public let streamOrdering: Int64
        /// The root's id, or `main`.
        public let threadID: String
        /// Whether it makes a notification.
        public let notifies: Bool
        /// Whether that is highlighted.
        public let highlights: Bool
    }

    private static let counts = Statement(
        "sync_unread_counts",
        """
        SELECT w.u, w.r, a.thread, sum(a.notif), sum(a.highlight)
        FROM unnest($1::text[], $2::text[]) AS w (u, r)
        LEFT JOIN push_positions p ON p.user_id = w.u AND p.room_id = w.r AND p.thread_id = ''
        CROSS JOIN LATERAL (
            SELECT c.thread_id AS thread, c.stream_ordering AS place, c.notif, c.highlight
            FROM room_push_actions c
            WHERE c.room_id = w.r AND c.stream_ordering > coalesce(p.stream_ordering, 0)
            AND c.stream_ordering <= $3 AND c.sender <> w.u
            AND NOT EXISTS (SELECT 1 FROM event_push_actions o WHERE o.user_id = w.u
                AND o.room_id = w.r AND o.stream_ordering = c.stream_ordering)
            UNION ALL
            SELECT coalesce(o.thread_id, 'main'), o.stream_ordering, o.notif, o.highlight
            FROM event_push_actions o
            WHERE o.user_id = w.u AND o.room_id = w.r
            AND o.stream_ordering > coalesce(p.stream_ordering, 0) AND o.stream_ordering <= $3
            AND o.notif = 1
        ) a
        LEFT JOIN push_positions t
            ON t.user_id = w.u AND t.room_id = w.r AND t.thread_id = a.thread
        WHERE a.place > coalesce(t.stream_ordering, 0)
        GROUP BY w.u, w.r, a.thread
        """)

    private static let actions = Statement(
        "sync_push_actions",
        """
        SELECT NULL, c.room_id, c.stream_ordering, c.thread_id, c.notif, c.highlight
        FROM unnest($1::text[]) AS w (r) JOIN room_push_actions c
            ON c.room_id = w.r AND c.stream_ordering > $2 AND c.stream_ordering <= $3
        UNION ALL
        SELECT o.user_id, o.room_id, o.stream_ordering, o.thread_id, o.notif, o.highlight
        FROM event_push_actions o WHERE o.stream_ordering > $2 AND o.stream_ordering <= $3
        """)

    /// What users have not read in rooms that they are joined to, of the events up to a position.
    public static func reading(
        _ pairs: [(userID: String, roomID: String)], upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (
            counts,
            [
                .textArray(pairs.map(\.userID)), .textArray(pairs.map(\.roomID)), .integer(upTo),
            ]
        )
    }

    /// What the statement of `reading(_:upTo:)` gave; who has read everything is left out.
    public static func counts(_ rows: Rows) throws(PostgresError) -> [Count] {
        var counts: [Count] = []
        counts.reserveCapacity(rows.count)
        for row in rows {
            counts.append(
                Count(
                    userID: try row.text(0), roomID: try row.text(1), threadID: try row.text(2),
                    notifications: try row.integer(3), highlights: try row.integer(4)))
        }
        return counts
    }

    /// What the events after a position and up to another do in some rooms, and to users in any room.
    public static func readingActions(
        roomIDs: [String], after: Int64, upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (actions, [.textArray(roomIDs), .integer(after), .integer(upTo)])
    }

    /// What the statement of `readingActions` gave.
    public static func actions(_ rows: Rows) throws(PostgresError) -> [Action] {
        var actions: [Action] = []
        actions.reserveCapacity(rows.count)
        for row in rows {
            actions.append(
                Action(
                    userID: try row.optionalText(0), roomID: try row.text(1),
                    streamOrdering: try row.integer(2),
                    threadID: try row.optionalText(3) ?? "main",
                    notifies: try row.optionalInteger(4) ?? 0 != 0,
                    highlights: try row.optionalInteger(5) ?? 0 != 0))
        }
        return actions
    }
}

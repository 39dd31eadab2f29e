public import Postgres
public import Reactor

/// Lists what users were notified of, from `room_push_actions` and `event_push_actions`.
public enum Notifications {
    /// A notification.
    public struct Notification: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// The event.
        public let eventID: String
        /// The event's position.
        public let streamOrdering: Int64
        /// JSON: what the rule that matched does.
        public let actions: String
        /// Whether the user has read it.
        public let isRead: Bool
        /// When the event came, in milliseconds since 1970.
        public let receivedTimestamp: Int64
    }

    // Of each room no more rows are read than are asked for.
    private static let page = Statement(
        "notifications_page",
        """
        SELECT n.room_id, n.event_id, n.place, n.actions,
            n.place <= greatest(
                (SELECT p.stream_ordering FROM push_positions p WHERE p.user_id = $1
                    AND p.room_id = n.room_id AND p.thread_id = ''),
                (SELECT p.stream_ordering FROM push_positions p WHERE p.user_id = $1
                    AND p.room_id = n.room_id AND p.thread_id = n.thread), 0),
            coalesce(e.received_ts, 0)
        FROM (
            (SELECT o.room_id, o.event_id, o.stream_ordering AS place, o.actions,
                coalesce(o.thread_id, 'main') AS thread
            FROM event_push_actions o
            WHERE o.user_id = $1 AND o.stream_ordering < $2 AND o.notif = 1
            AND (NOT $3 OR o.highlight = 1)
            ORDER BY o.stream_ordering DESC LIMIT $4)
            UNION ALL
            SELECT m.room_id, c.event_id, c.stream_ordering, c.actions, c.thread_id
            FROM push_positions m CROSS JOIN LATERAL (
                SELECT * FROM room_push_actions r
                WHERE r.room_id = m.room_id AND r.stream_ordering > m.joined_ordering
                AND r.stream_ordering < $2 AND r.sender <> $1 AND (NOT $3 OR r.highlight = 1)
                AND NOT EXISTS (SELECT 1 FROM event_push_actions o WHERE o.user_id = $1
                    AND o.room_id = r.room_id AND o.stream_ordering = r.stream_ordering)
                ORDER BY r.stream_ordering DESC LIMIT $4
            ) c
            WHERE m.user_id = $1 AND m.thread_id = ''
            ORDER BY place DESC LIMIT $4
        ) n JOIN events e ON e.event_id = n.event_id
        ORDER BY n.place DESC
        """)

    /// A user's notifications of events before a position, the newest first.
    public static func page(
        of userID: String, before: Int64, onlyHighlights: Bool, limit: Int,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Notification] {
        let parameters: [PostgresValue] = [
            .text(userID), .integer(before), .bool(onlyHighlights), .integer(Int64(limit)),
        ]
        var notifications: [Notification] = []
        for row in try await database.query(page, parameters, on: loop) {
            notifications.append(
                Notification(
                    roomID: try row.text(0), eventID: try row.text(1),
                    streamOrdering: try row.integer(2), actions: try row.text(3),
                    isRead: try row.bool(4), receivedTimestamp: try row.integer(5)))
        }
        return notifications
    }
}

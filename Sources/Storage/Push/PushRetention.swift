public import Postgres
public import Reactor

/// Deletes push actions that nobody needs any more, a page at a time.
///
/// What is unread is kept however old it is, as it still counts; what was read is kept for a while, for the list of
/// notifications.
public enum PushRetention {
    // Rows are found again by where they are: nothing ever changes them.
    private static let tidyOwn = Statement(
        "push_retention_own",
        """
        WITH page AS (
            SELECT o.ctid AS row, o.event_id, o.user_id, o.room_id, o.stream_ordering,
                coalesce(o.thread_id, 'main') AS thread
            FROM event_push_actions o WHERE o.stream_ordering > $1
            ORDER BY o.stream_ordering LIMIT 500
        ), old AS (
            SELECT * FROM page
            WHERE (SELECT e.received_ts FROM events e WHERE e.event_id = page.event_id) < $2
        ), gone AS (
            DELETE FROM event_push_actions WHERE ctid = ANY (ARRAY(
                SELECT old.row FROM old WHERE old.stream_ordering <= coalesce((
                    SELECT max(CASE WHEN p.thread_id IN ('', old.thread)
                        THEN p.stream_ordering ELSE 0 END)
                    FROM push_positions p
                    WHERE p.user_id = old.user_id AND p.room_id = old.room_id
                    HAVING count(*) > 0), old.stream_ordering)))
        )
        SELECT max(stream_ordering) FROM old
        """)

    // A room's rows are read once the member who has read least has read them. Who only ever speaks has read what is
    // outside of threads.
    private static let tidyRooms = Statement(
        "push_retention_rooms",
        """
        WITH page AS (
            SELECT r.room_id FROM rooms r WHERE r.room_id > $1 ORDER BY r.room_id LIMIT $3
        ), low AS (
            SELECT page.room_id, coalesce(min(coalesce(p.stream_ordering, 0)), 0) AS place,
                coalesce(min(greatest(p.stream_ordering, m.stream_ordering, 0)), 0) AS main
            FROM page
            LEFT JOIN local_current_membership l
                ON l.room_id = page.room_id AND l.membership = 'join'
            LEFT JOIN push_positions p ON p.user_id = l.user_id AND p.room_id = l.room_id
                AND p.thread_id = ''
            LEFT JOIN push_positions m ON m.user_id = l.user_id AND m.room_id = l.room_id
                AND m.thread_id = 'main'
            GROUP BY page.room_id
        ), gone AS (
            DELETE FROM room_push_actions c USING low, events e
            WHERE c.room_id = low.room_id
            AND c.stream_ordering <= greatest(low.place, low.main)
            AND (c.stream_ordering <= low.place
                OR c.thread_id = 'main' AND c.stream_ordering <= low.main)
            AND e.event_id = c.event_id AND e.received_ts < $2
        )
        SELECT max(room_id) FROM page
        """)

    /// Looks at a page of users' own rows after a position. Returns where the next page begins; nil after the last.
    public static func tidyOwn(
        after position: Int64, before time: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64? {
        try await database.query(tidyOwn, [.integer(position), .integer(time)], on: loop)
            .firstInteger
    }

    /// Looks at a page of rooms after one. Returns after which the next page begins; nil after the last.
    public static func tidyRooms(
        after roomID: String, before time: Int64, limit: Int, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(
            tidyRooms, [.text(roomID), .integer(time), .integer(Int64(limit))], on: loop
        ).first?.optionalText(0)
    }
}

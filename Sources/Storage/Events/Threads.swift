public import Postgres
public import Reactor

/// The threads of rooms in the order of their newest events: table `threads`.
public enum Threads {
    /// Makes the table and fills it from the relations that are there.
    static let schema = """
        CREATE TABLE threads (
            room_id text NOT NULL,
            thread_id text NOT NULL,
            latest_event_id text NOT NULL,
            topological_ordering bigint NOT NULL,
            stream_ordering bigint NOT NULL,
            CONSTRAINT threads_uniqueness UNIQUE (room_id, thread_id)
        );
        -- The list of a room's threads begins with the one that was written to last.
        CREATE INDEX threads_ordering_idx
            ON threads (room_id, topological_ordering, stream_ordering);
        INSERT INTO threads
            (room_id, thread_id, latest_event_id, topological_ordering, stream_ordering)
        SELECT DISTINCT ON (o.event_id)
            o.room_id, o.event_id, e.event_id, e.topological_ordering, e.stream_ordering
        FROM event_relations c
        JOIN events e ON e.event_id = c.event_id
        JOIN events o ON o.event_id = c.relates_to_id AND o.room_id = e.room_id
        WHERE c.relation_type = 'm.thread' AND NOT e.outlier
        AND NOT EXISTS (SELECT 1 FROM event_relations p WHERE p.event_id = o.event_id)
        AND NOT EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = e.event_id)
        ORDER BY o.event_id, e.topological_ordering DESC, e.stream_ordering DESC;
        """

    // Only an event of the same room that relates to nothing itself can be a root.
    private static let upsert = Statement(
        "threads_upsert",
        """
        INSERT INTO threads
            (room_id, thread_id, latest_event_id, topological_ordering, stream_ordering)
        SELECT r, t, e, d, s
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
            AS x (r, t, e, d, s)
        WHERE EXISTS (SELECT 1 FROM events o WHERE o.event_id = t AND o.room_id = r)
        AND NOT EXISTS (SELECT 1 FROM event_relations p WHERE p.event_id = t)
        ON CONFLICT (room_id, thread_id) DO UPDATE SET
            latest_event_id = EXCLUDED.latest_event_id,
            topological_ordering = EXCLUDED.topological_ordering,
            stream_ordering = EXCLUDED.stream_ordering
        WHERE (threads.topological_ordering, threads.stream_ordering)
            < (EXCLUDED.topological_ordering, EXCLUDED.stream_ordering)
        """)

    // A thread whose newest event was redacted goes back to the one before, or ends with the last.
    private static let retreat = Statement(
        "threads_retreat",
        """
        WITH hit AS (
            SELECT t.room_id, t.thread_id FROM event_relations c
            JOIN events e ON e.event_id = c.event_id
            JOIN threads t ON t.room_id = e.room_id AND t.thread_id = c.relates_to_id
            WHERE c.event_id = ANY ($1::text[]) AND c.relation_type = 'm.thread'
        ), latest AS (
            SELECT DISTINCT ON (h.thread_id) h.room_id, h.thread_id, e.event_id,
                e.topological_ordering, e.stream_ordering
            FROM hit h
            JOIN event_relations c
                ON c.relates_to_id = h.thread_id AND c.relation_type = 'm.thread'
            JOIN events e ON e.event_id = c.event_id AND e.room_id = h.room_id
            WHERE NOT EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = e.event_id)
            ORDER BY h.thread_id, e.topological_ordering DESC, e.stream_ordering DESC
        ), ended AS (
            DELETE FROM threads t USING hit h
            WHERE t.room_id = h.room_id AND t.thread_id = h.thread_id
            AND NOT EXISTS (SELECT 1 FROM latest l WHERE l.thread_id = t.thread_id)
        )
        UPDATE threads t SET latest_event_id = l.event_id,
            topological_ordering = l.topological_ordering, stream_ordering = l.stream_ordering
        FROM latest l WHERE t.room_id = l.room_id AND t.thread_id = l.thread_id
        """)

    private static let page = Statement(
        "threads_page",
        """
        SELECT t.thread_id, t.topological_ordering, t.stream_ordering FROM threads t
        WHERE t.room_id = $1 AND (t.topological_ordering, t.stream_ordering) <= ($2, $3)
        AND ($4::text IS NULL
            OR EXISTS (
                SELECT 1 FROM events o WHERE o.event_id = t.thread_id AND o.sender = $4)
            OR EXISTS (
                SELECT 1 FROM event_relations c JOIN events e ON e.event_id = c.event_id
                WHERE c.relates_to_id = t.thread_id AND c.relation_type = 'm.thread'
                AND e.room_id = t.room_id AND e.sender = $4
                AND NOT EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = e.event_id)))
        ORDER BY t.topological_ordering DESC, t.stream_ordering DESC LIMIT $5
        """)

    /// The changes for a batch, after its events, relations and redactions.
    static func changes(_ batch: [PositionedEvent]) -> [Command] {
        // One statement cannot update a row twice: the last event of a batch wins.
        var last: [[String]: PositionedEvent] = [:]
        for positioned in batch {
            guard let relation = positioned.event.relation, relation.type == "m.thread" else {
                continue
            }
            last[[positioned.event.roomID, relation.eventID]] = positioned
        }
        var commands: [Command] = []
        if !last.isEmpty {
            let threads = last.sorted { $0.value.streamOrdering < $1.value.streamOrdering }
            commands.append(
                (
                    upsert,
                    [
                        .textArray(threads.map { $0.key[0] }),
                        .textArray(threads.map { $0.key[1] }),
                        .textArray(threads.map(\.value.event.eventID)),
                        .integerArray(threads.map(\.value.event.depth)),
                        .integerArray(threads.map(\.value.streamOrdering)),
                    ]
                ))
        }
        let redacted = batch.compactMap(\.event.redacts)
        if !redacted.isEmpty { commands.append((retreat, [.textArray(redacted)])) }
        return commands
    }

    /// A room's threads whose newest event is at or before a place, the most recently used first.
    ///
    /// With `participant` only those that the user began or wrote to.
    public static func page(
        roomID: String, from: EventPlace, participant: String?, limit: Int,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(rootID: String, place: EventPlace)] {
        let parameters: [PostgresValue] = [
            .text(roomID), .integer(from.topological), .integer(from.stream),
            PostgresValue(participant), .integer(Int64(limit)),
        ]
        var threads: [(rootID: String, place: EventPlace)] = []
        for row in try await database.query(page, parameters, on: loop) {
            let place = EventPlace(topological: try row.integer(1), stream: try row.integer(2))
            threads.append((try row.text(0), place))
        }
        return threads
    }
}

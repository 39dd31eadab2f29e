public import Postgres
public import Reactor

/// The events themselves: tables `events` (what is searched and ordered by) and `event_json` (the whole event).
public enum Events {
    static let schema = """
        CREATE TABLE events (
            topological_ordering bigint NOT NULL,
            event_id text NOT NULL,
            type text NOT NULL,
            room_id text NOT NULL,
            content text,
            unrecognized_keys text,
            processed boolean NOT NULL,
            outlier boolean NOT NULL,
            depth bigint NOT NULL DEFAULT 0,
            origin_server_ts bigint,
            received_ts bigint,
            sender text,
            contains_url boolean,
            instance_name text,
            stream_ordering bigint,
            state_key text,
            rejection_reason text,
            UNIQUE (event_id)
        );
        -- Stream positions are unique, and everything newer than a token is read by them: events_by_stream,
        -- events_announcements, sync_changed_rooms, events_count_stored, events_maximum.
        CREATE UNIQUE INDEX events_stream_ordering ON events (stream_ordering);
        -- Pagination walks a room in topological order: events_backwards, events_forwards.
        CREATE INDEX events_order_room ON events (room_id, topological_ordering, stream_ordering);
        -- /sync reads the newest events of a room: sync_timelines, events_topological_at.
        CREATE INDEX events_room_stream ON events (room_id, stream_ordering);
        -- Jumping to a date looks a timestamp up in a room: events_at_or_after, events_at_or_before. The second
        -- is dropped later, as nothing asks for it.
        CREATE INDEX events_room_timestamp ON events (room_id, origin_server_ts);
        CREATE INDEX events_ts ON events (origin_server_ts, stream_ordering);
        -- Files and pictures of a room; few events have a url.
        CREATE INDEX event_contains_url_index
            ON events (room_id, topological_ordering, stream_ordering)
            WHERE contains_url = true AND outlier = false;
        -- Lag metrics and the expiry of old events.
        CREATE INDEX events_received_ts ON events (received_ts) WHERE type = 'm.room.member';

        CREATE TABLE event_json (
            event_id text NOT NULL,
            room_id text NOT NULL,
            internal_metadata text NOT NULL,
            json text NOT NULL,
            format_version integer,
            UNIQUE (event_id)
        );

        CREATE SEQUENCE events_stream_seq;
        -- Old events fetched over federation count downwards from here, as negative positions.
        CREATE SEQUENCE events_backfill_stream_seq;
        """

    private static let insert = Statement(
        "events_insert",
        """
        INSERT INTO events (stream_ordering, topological_ordering, depth, event_id, room_id, type,
            state_key, processed, outlier, origin_server_ts, received_ts, sender, contains_url,
            instance_name)
        SELECT s, d, d, e, r, t, k, true, false, o, c, u, l, 'master'
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::bigint[], $8::bigint[], $9::text[], $10::boolean[])
            AS x (s, d, e, r, t, k, o, c, u, l)
        """)

    private static let insertJSON = Statement(
        "event_json_insert",
        """
        INSERT INTO event_json (event_id, room_id, internal_metadata, json, format_version)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[])
        """)

    private static let maximum = Statement(
        "events_maximum", "SELECT coalesce(max(stream_ordering), 0) FROM events")

    /// The inserts for a batch.
    static func insertion(_ batch: [PositionedEvent]) -> [Command] {
        let columns: [PostgresValue] = [
            .integerArray(batch.map(\.streamOrdering)),
            .integerArray(batch.map(\.event.depth)),
            .textArray(batch.map(\.event.eventID)),
            .textArray(batch.map(\.event.roomID)),
            .textArray(batch.map(\.event.type)),
            .optionalTextArray(batch.map(\.event.stateKey)),
            .integerArray(batch.map(\.event.originServerTimestamp)),
            .integerArray(batch.map(\.event.receivedTimestamp)),
            .textArray(batch.map(\.event.sender)),
            .boolArray(batch.map(\.event.containsURL)),
        ]
        let json: [PostgresValue] = [
            .textArray(batch.map(\.event.eventID)),
            .textArray(batch.map(\.event.roomID)),
            .textArray(batch.map(\.event.internalMetadata)),
            .textArray(batch.map(\.event.json)),
            .integerArray(batch.map(\.event.formatVersion)),
        ]
        return [(insert, columns), (insertJSON, json)]
    }

    /// The highest position stored.
    public static func maximumStreamOrdering(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }
}

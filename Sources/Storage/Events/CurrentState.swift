public import Postgres
public import Reactor

/// The state of rooms now, and how it came to be: tables `state_events`, `current_state_events` and
/// `current_state_delta_stream`.
public enum CurrentState {
    static let schema = """
        CREATE TABLE state_events (
            event_id text NOT NULL,
            room_id text NOT NULL,
            type text NOT NULL,
            state_key text NOT NULL,
            prev_state text,
            UNIQUE (event_id)
        );

        CREATE TABLE current_state_events (
            event_id text NOT NULL,
            room_id text NOT NULL,
            type text NOT NULL,
            state_key text NOT NULL,
            membership text,
            event_stream_ordering bigint,
            UNIQUE (event_id),
            UNIQUE (room_id, type, state_key)
        );
        -- The rooms a user is a member of, whichever server the user is on: sync_rooms_of_users,
        -- presence_together, device_lists_insert_rooms.
        CREATE INDEX current_state_events_member_index ON current_state_events (state_key)
            WHERE type = 'm.room.member';
        -- The members of a room with one membership: room_memberships_joined, sync_members_of_rooms,
        -- sync_summaries, room_listings_state.
        CREATE INDEX current_state_events_members_room_index
            ON current_state_events (room_id, membership) WHERE type = 'm.room.member';
        -- Dropped later, as nothing asks for it.
        CREATE INDEX current_state_events_stream_ordering_idx
            ON current_state_events (event_stream_ordering);

        CREATE TABLE current_state_delta_stream (
            stream_id bigint NOT NULL,
            room_id text NOT NULL,
            type text NOT NULL,
            state_key text NOT NULL,
            event_id text,
            prev_event_id text,
            instance_name text
        );
        -- Statistics and directories follow the stream.
        CREATE INDEX current_state_delta_stream_idx ON current_state_delta_stream (stream_id);
        -- A limited /sync reads what changed in one room: sync_state_changes, sync_state_whole.
        CREATE INDEX current_state_delta_stream_room_idx
            ON current_state_delta_stream (room_id, stream_id);
        """

    /// One piece of a room's state.
    public struct Entry: Sendable, Hashable {
        /// The event type.
        public let type: String
        /// The state key.
        public let stateKey: String
        /// The event that holds it.
        public let eventID: String
        /// The membership, for `m.room.member`.
        public let membership: String?
    }

    private static let insertEvents = Statement(
        "state_events_insert",
        """
        INSERT INTO state_events (event_id, room_id, type, state_key)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        """)

    private static let insertDeltas = Statement(
        "current_state_delta_insert",
        """
        INSERT INTO current_state_delta_stream
            (stream_id, event_id, room_id, type, state_key, prev_event_id, instance_name)
        SELECT s, e, r, t, k, p, 'master'
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
            AS x (s, e, r, t, k, p)
        """)

    private static let upsert = Statement(
        "current_state_upsert",
        """
        INSERT INTO current_state_events
            (event_stream_ordering, event_id, room_id, type, state_key, membership)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[],
            $6::text[])
        ON CONFLICT (room_id, type, state_key) DO UPDATE SET event_id = EXCLUDED.event_id,
            membership = EXCLUDED.membership,
            event_stream_ordering = EXCLUDED.event_stream_ordering
        """)

    private static let ofRoom = Statement(
        "current_state_of_room",
        """
        SELECT type, state_key, event_id, membership FROM current_state_events
        WHERE room_id = $1
        """)

    private static let one = Statement(
        "current_state_one",
        """
        SELECT event_id FROM current_state_events
        WHERE room_id = $1 AND type = $2 AND state_key = $3
        """)

    private struct Key: Hashable {
        let roomID: String
        let type: String
        let stateKey: String
    }

    /// The changes for a batch.
    static func changes(_ batch: [PositionedEvent]) -> [Command] {
        let state = batch.filter { $0.event.stateKey != nil }
        if state.isEmpty { return [] }
        // One statement cannot update a row twice: the last event of a batch for a key wins.
        var last: [Key: PositionedEvent] = [:]
        for positioned in state {
            let event = positioned.event
            let key = Key(
                roomID: event.roomID, type: event.type, stateKey: event.stateKey ?? "")
            last[key] = positioned
        }
        let current = last.values.sorted { $0.streamOrdering < $1.streamOrdering }
        let events = Array(columns(state).dropFirst())
        let deltas = columns(state) + [.optionalTextArray(state.map(\.event.replacesEventID))]
        let upserts =
            columns(current)
            + [.optionalTextArray(current.map { $0.event.membership?.membership })]
        return [(insertEvents, events), (insertDeltas, deltas), (upsert, upserts)]
    }

    private static func columns(_ state: [PositionedEvent]) -> [PostgresValue] {
        [
            .integerArray(state.map(\.streamOrdering)), .textArray(state.map(\.event.eventID)),
            .textArray(state.map(\.event.roomID)), .textArray(state.map(\.event.type)),
            .textArray(state.map { $0.event.stateKey ?? "" }),
        ]
    }

    /// The whole current state of a room.
    public static func entries(
        roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Entry] {
        let rows = try await database.query(ofRoom, [.text(roomID)], on: loop)
        var entries: [Entry] = []
        entries.reserveCapacity(rows.count)
        for row in rows {
            entries.append(
                Entry(
                    type: try row.text(0), stateKey: try row.text(1), eventID: try row.text(2),
                    membership: try row.optionalText(3)))
        }
        return entries
    }

    /// The event that holds one piece of a room's state.
    public static func eventID(
        roomID: String, type: String, stateKey: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(one, [.text(roomID), .text(type), .text(stateKey)], on: loop)
            .first?.text(0)
    }
}

public import Postgres
public import Reactor

/// How events hang together: tables `event_edges`, `event_auth`, the two `…_extremities` and `room_depth`.
public enum EventGraph {
    static let schema = """
        CREATE TABLE event_edges (
            event_id text NOT NULL,
            prev_event_id text NOT NULL,
            room_id text,
            is_state boolean NOT NULL DEFAULT false
        );
        -- The events that an event follows, each once.
        CREATE UNIQUE INDEX event_edges_event_id_prev_event_id_idx
            ON event_edges (event_id, prev_event_id);
        -- The events that follow an event: for backfilling and purging.
        CREATE INDEX ev_edges_prev_id ON event_edges (prev_event_id);

        CREATE TABLE event_auth (
            event_id text NOT NULL,
            auth_id text NOT NULL,
            room_id text NOT NULL
        );
        -- Walking an auth chain goes from events to what allows them.
        CREATE INDEX evauth_edges_id ON event_auth (event_id);

        CREATE TABLE event_forward_extremities (
            event_id text NOT NULL,
            room_id text NOT NULL,
            UNIQUE (event_id, room_id)
        );
        -- A new event follows the ends of its room: forward_extremities_find. The second is dropped later: the
        -- constraint's serves forward_extremities_delete as well.
        CREATE INDEX ev_extrem_room ON event_forward_extremities (room_id);
        CREATE INDEX ev_extrem_id ON event_forward_extremities (event_id);

        CREATE TABLE event_backward_extremities (
            event_id text NOT NULL,
            room_id text NOT NULL,
            UNIQUE (event_id, room_id)
        );
        -- Paging beyond what is stored asks other servers for these.
        CREATE INDEX ev_b_extrem_room ON event_backward_extremities (room_id);
        CREATE INDEX ev_b_extrem_id ON event_backward_extremities (event_id);

        CREATE TABLE room_depth (
            room_id text NOT NULL,
            min_depth bigint,
            UNIQUE (room_id)
        );
        """

    /// The newest event of a room.
    public struct Extremity: Sendable, Hashable {
        /// Its id.
        public let eventID: String
        /// Its depth.
        public let depth: Int64
        /// The room's state group after it.
        public let stateGroup: Int64?
    }

    private static let insertEdges = Statement(
        "event_edges_insert",
        """
        INSERT INTO event_edges (event_id, prev_event_id, is_state)
        SELECT e, p, false FROM unnest($1::text[], $2::text[]) AS x (e, p)
        ON CONFLICT DO NOTHING
        """)

    private static let insertAuth = Statement(
        "event_auth_insert",
        """
        INSERT INTO event_auth (event_id, auth_id, room_id)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
        """)

    private static let deleteExtremities = Statement(
        "forward_extremities_delete",
        "DELETE FROM event_forward_extremities WHERE event_id = ANY($1::text[])")

    private static let insertExtremities = Statement(
        "forward_extremities_insert",
        """
        INSERT INTO event_forward_extremities (event_id, room_id)
        SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
        """)

    private static let insertDepth = Statement(
        "room_depth_insert",
        """
        INSERT INTO room_depth (room_id, min_depth)
        SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT (room_id) DO NOTHING
        """)

    private static let findExtremities = Statement(
        "forward_extremities_find",
        """
        SELECT x.event_id, e.depth, g.state_group FROM event_forward_extremities x
        JOIN events e ON e.event_id = x.event_id
        LEFT JOIN event_to_state_groups g ON g.event_id = x.event_id
        WHERE x.room_id = $1 ORDER BY e.depth DESC, e.stream_ordering DESC
        """)

    /// The changes for a batch: edges, auth edges, and the batch's last events as the ends of their rooms.
    static func changes(_ batch: [PositionedEvent]) -> [Command] {
        var followers: [String] = []
        var followed: [String] = []
        var allowed: [String] = []
        var allowing: [String] = []
        var authRooms: [String] = []
        var starts: [(roomID: String, depth: Int64)] = []
        for positioned in batch {
            let event = positioned.event
            for previous in event.previousEventIDs {
                followers.append(event.eventID)
                followed.append(previous)
            }
            for auth in event.authEventIDs {
                allowed.append(event.eventID)
                allowing.append(auth)
                authRooms.append(event.roomID)
            }
            if event.previousEventIDs.isEmpty { starts.append((event.roomID, event.depth)) }
        }
        let inner = Set(followed)
        let ends = batch.filter { !inner.contains($0.event.eventID) }
        var commands: [Command] = [
            (insertEdges, [.textArray(followers), .textArray(followed)]),
            (insertAuth, [.textArray(allowed), .textArray(allowing), .textArray(authRooms)]),
            (deleteExtremities, [.textArray(followed)]),
            (
                insertExtremities,
                [.textArray(ends.map(\.event.eventID)), .textArray(ends.map(\.event.roomID))]
            ),
        ]
        if !starts.isEmpty {
            commands.append(
                (
                    insertDepth,
                    [.textArray(starts.map(\.roomID)), .integerArray(starts.map(\.depth))]
                ))
        }
        return commands
    }

    /// The ends of a room, deepest first.
    public static func extremities(
        roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Extremity] {
        var extremities: [Extremity] = []
        for row in try await database.query(findExtremities, [.text(roomID)], on: loop) {
            extremities.append(
                Extremity(
                    eventID: try row.text(0), depth: try row.integer(1),
                    stateGroup: try row.optionalInteger(2)))
        }
        return extremities
    }
}

public import Postgres
public import Reactor

/// The published rooms, and when they were published or withdrawn: of `rooms`, and table
/// `public_room_list_stream`.
public enum PublicRooms {
    static let schema = """
        CREATE TABLE public_room_list_stream (
            stream_id bigint NOT NULL,
            room_id text NOT NULL,
            visibility boolean NOT NULL
        );
        -- Workers that were away read what changed since.
        CREATE INDEX public_room_list_stream_idx ON public_room_list_stream (stream_id);
        CREATE SEQUENCE public_room_list_sequence;
        """

    /// A published room as it is now.
    public struct Listing: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// How many members it has.
        public let joinedMembers: Int64
        /// The events of the state that was asked for, by type, as JSON text.
        public internal(set) var state: [String: String] = [:]
    }

    /// A change of the list.
    public struct Change: Sendable, Hashable {
        /// The position.
        public let streamID: Int64
        /// The room.
        public let roomID: String
        /// Whether it is published since.
        public let isPublic: Bool
    }

    // Redacted state says nothing any more, but for what redaction keeps of these three types.
    private static let listings = Statement(
        "public_rooms_listings",
        """
        SELECT r.room_id, m.joined, s.type, j.json
        FROM rooms r
        CROSS JOIN LATERAL (
            SELECT count(*) AS joined FROM current_state_events c
            WHERE c.room_id = r.room_id AND c.type = 'm.room.member' AND c.membership = 'join'
        ) m
        LEFT JOIN current_state_events s ON s.room_id = r.room_id AND s.state_key = ''
            AND s.type = ANY ($1::text[])
            AND (s.type IN ('m.room.create', 'm.room.join_rules', 'm.room.history_visibility')
                OR NOT EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = s.event_id))
        LEFT JOIN event_json j ON j.event_id = s.event_id
        WHERE r.is_public AND m.joined > 0 ORDER BY m.joined DESC, r.room_id
        """)

    private static let publish = Statement(
        "public_rooms_publish",
        """
        WITH changed AS (
            UPDATE rooms SET is_public = $2
            WHERE room_id = $1 AND is_public IS DISTINCT FROM $2::boolean RETURNING room_id
        )
        INSERT INTO public_room_list_stream (stream_id, room_id, visibility)
        SELECT $3::bigint, room_id, $2 FROM changed RETURNING room_id
        """)

    private static let announce = Statement(
        "public_rooms_announce",
        """
        INSERT INTO public_room_list_stream (stream_id, room_id, visibility) VALUES ($1, $2, true)
        """)

    private static let changes = Statement(
        "public_rooms_changes",
        """
        SELECT stream_id, room_id, visibility FROM public_room_list_stream
        WHERE stream_id > $1 AND stream_id <= $2 ORDER BY stream_id LIMIT $3
        """)

    private static let maximum = Statement(
        "public_rooms_maximum",
        "SELECT coalesce(max(stream_id), 0) FROM public_room_list_stream")

    /// All published rooms that have members, those with the most first, with their state of some types.
    public static func listings(
        stateTypes: [String], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Listing] {
        var found: [Listing] = []
        for row in try await database.query(Self.listings, [.textArray(stateTypes)], on: loop) {
            let roomID = try row.text(0)
            if found.last?.roomID != roomID {
                found.append(Listing(roomID: roomID, joinedMembers: try row.integer(1)))
            }
            guard let type = try row.optionalText(2), let json = try row.optionalText(3) else {
                continue
            }
            found[found.count - 1].state[type] = json
        }
        return found
    }

    /// Publishes or withdraws a room under a position of the stream. Returns whether that changed anything.
    public static func publish(
        _ isPublic: Bool, roomID: String, streamID: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(
            publish, [.text(roomID), .bool(isPublic), .integer(streamID)], on: loop)
        return !rows.isEmpty
    }

    /// Notes that a room was made published.
    public static func announce(
        roomID: String, streamID: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(announce, [.integer(streamID), .text(roomID)], on: loop)
    }

    /// The changes after `from` and up to `to`, oldest first, for replication's catch-up.
    public static func updates(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Change] {
        let rows = try await database.query(
            changes, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop)
        var found: [Change] = []
        for row in rows {
            found.append(
                Change(
                    streamID: try row.integer(0), roomID: try row.text(1),
                    isPublic: try row.bool(2)))
        }
        return found
    }

    /// The highest position stored.
    public static func maximumStreamID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }
}

public import Postgres
public import Reactor

/// Which rooms are published, and when they were published or withdrawn: of `rooms`, and table
/// `public_room_list_stream`. What is shown of them is in ``RoomListings``.
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

    /// A change of the list.
    public struct Change: Sendable, Hashable {
        /// The position.
        public let streamID: Int64
        /// The room.
        public let roomID: String
        /// Whether it is published since.
        public let isPublic: Bool
    }

    private static let publish = Statement(
        "public_rooms_publish",
        """
        WITH changed AS (
            UPDATE rooms SET is_public = $2
            WHERE room_id = $1 AND is_public IS DISTINCT FROM $2::boolean RETURNING room_id
        ), listed AS (
            INSERT INTO room_listings (room_id) SELECT room_id FROM changed WHERE $2
            ON CONFLICT (room_id) DO UPDATE SET is_stale = true
        ), unlisted AS (
            DELETE FROM room_listings l USING changed c WHERE l.room_id = c.room_id AND NOT $2
        )
        INSERT INTO public_room_list_stream (stream_id, room_id, visibility)
        SELECT $3::bigint, room_id, $2 FROM changed RETURNING room_id
        """)

    private static let announce = Statement(
        "public_rooms_announce",
        """
        WITH listed AS (
            INSERT INTO room_listings (room_id) VALUES ($2)
            ON CONFLICT (room_id) DO UPDATE SET is_stale = true
        )
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

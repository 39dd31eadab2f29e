public import Postgres
public import Reactor

/// The rooms this server knows: table `rooms`.
public enum Rooms {
    static let schema = """
        CREATE TABLE rooms (
            room_id text PRIMARY KEY,
            is_public boolean,
            creator text,
            room_version text,
            has_auth_chain_index boolean
        );
        -- The public directory lists the few public rooms.
        CREATE INDEX public_room_index ON rooms (is_public);
        """

    private static let insert = Statement(
        "rooms_insert",
        """
        INSERT INTO rooms (room_id, is_public, creator, room_version, has_auth_chain_index)
        VALUES ($1, $2, $3, $4, false)
        """)

    private static let find = Statement(
        "rooms_find",
        "SELECT room_version, is_public, creator FROM rooms WHERE room_id = $1")

    private static let findPublished = Statement(
        "rooms_published",
        "SELECT room_id FROM rooms WHERE room_id = ANY($1::text[]) AND is_public")

    /// What the table knows of a room.
    public struct Room: Sendable, Hashable {
        /// The room version; "1" where old rows have none.
        public let version: String
        /// Whether the directory lists it.
        public let isPublic: Bool
        /// Who made it.
        public let creator: String?
    }

    /// Those among some rooms that the directory lists.
    public static func published(
        among roomIDs: [String], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Set<String> {
        if roomIDs.isEmpty { return [] }
        return Set(try await database.query(findPublished, [.textArray(roomIDs)], on: loop).texts())
    }

    /// Stores a new room.
    public static func create(
        roomID: String, version: String, creator: String, isPublic: Bool,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insert, [.text(roomID), .bool(isPublic), .text(creator), .text(version)], on: loop)
    }

    /// A room, or nil when this server does not know it.
    public static func room(
        _ roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Room? {
        guard let row = try await database.query(find, [.text(roomID)], on: loop).first else {
            return nil
        }
        return Room(
            version: try row.optionalText(0) ?? "1", isPublic: try row.optionalBool(1) ?? false,
            creator: try row.optionalText(2))
    }
}

public import Postgres
public import Reactor

/// Names that lead to rooms: tables `room_aliases` and `room_alias_servers`.
public enum RoomAliases {
    static let schema = """
        CREATE TABLE room_aliases (
            room_alias text NOT NULL,
            room_id text NOT NULL,
            creator text,
            UNIQUE (room_alias)
        );
        -- The aliases of a room, for its settings page and for upgrades.
        CREATE INDEX room_aliases_id ON room_aliases (room_id);

        CREATE TABLE room_alias_servers (
            room_alias text NOT NULL,
            server text NOT NULL
        );
        -- Resolving an alias names the servers to join through.
        CREATE INDEX room_alias_servers_alias ON room_alias_servers (room_alias);
        """

    private static let insert = Statement(
        "room_aliases_insert",
        """
        WITH added AS (
            INSERT INTO room_aliases (room_alias, room_id, creator) VALUES ($1, $2, $3)
            ON CONFLICT (room_alias) DO NOTHING RETURNING room_alias
        ), servers AS (
            INSERT INTO room_alias_servers (room_alias, server)
            SELECT room_alias, $4 FROM added
        )
        SELECT room_alias FROM added
        """)

    private static let find = Statement(
        "room_aliases_find", "SELECT room_id FROM room_aliases WHERE room_alias = $1")

    private static let ofRoom = Statement(
        "room_aliases_of_room",
        "SELECT room_alias FROM room_aliases WHERE room_id = $1 ORDER BY room_alias")

    private static let moveAll = Statement(
        "room_aliases_move", "UPDATE room_aliases SET room_id = $2 WHERE room_id = $1")

    private static let findCreator = Statement(
        "room_aliases_creator", "SELECT creator FROM room_aliases WHERE room_alias = $1")

    private static let delete = Statement(
        "room_aliases_delete",
        """
        WITH gone AS (DELETE FROM room_aliases WHERE room_alias = $1 RETURNING room_id),
            servers AS (DELETE FROM room_alias_servers WHERE room_alias = $1)
        SELECT room_id FROM gone
        """)

    /// Gives a room an alias.
    ///
    /// Returns false when the alias is taken.
    public static func add(
        alias: String, roomID: String, creator: String, server: String,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(
            insert, [.text(alias), .text(roomID), .text(creator), .text(server)], on: loop)
        return !rows.isEmpty
    }

    /// The room an alias leads to.
    public static func roomID(
        of alias: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(find, [.text(alias)], on: loop).first?.text(0)
    }

    /// The aliases that lead to a room.
    public static func aliases(
        of roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        try await database.query(ofRoom, [.text(roomID)], on: loop).texts()
    }

    /// Makes all aliases of a room lead to another.
    public static func move(
        from old: String, to new: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(moveAll, [.text(old), .text(new)], on: loop)
    }

    /// Who made an alias.
    public static func creator(
        of alias: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(findCreator, [.text(alias)], on: loop).first?.optionalText(0)
    }

    /// Takes an alias away.
    ///
    /// Returns the room it led to.
    public static func remove(
        alias: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(delete, [.text(alias)], on: loop).first?.text(0)
    }
}

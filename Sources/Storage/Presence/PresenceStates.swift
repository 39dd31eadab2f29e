public import Postgres
public import Reactor

/// Who is online: table `presence_stream`, one row per user.
public enum PresenceStates {
    static let schema = """
        CREATE SEQUENCE presence_stream_sequence;

        CREATE TABLE presence_stream (
            stream_id bigint,
            user_id text,
            state text,
            last_active_ts bigint,
            last_federation_update_ts bigint,
            last_user_sync_ts bigint,
            status_msg text,
            currently_active boolean,
            instance_name text
        );
        -- Replication and /sync read what is new.
        CREATE INDEX presence_stream_id ON presence_stream (stream_id, user_id);
        -- A new row replaces a user's old one.
        CREATE INDEX presence_stream_user_id ON presence_stream (user_id);
        -- The main process starts with those that are not offline.
        CREATE INDEX presence_stream_state_not_offline_idx ON presence_stream (state)
            WHERE state <> 'offline';
        """

    /// A user's presence.
    public struct Presence: Sendable, Hashable {
        /// Who.
        public var userID: String
        /// `online`, `unavailable` or `offline`.
        public var state: String
        /// When the user was last active, in milliseconds since 1970.
        public var lastActive: Int64
        /// When other servers were last told.
        public var lastFederationUpdate: Int64
        /// When the user last synced.
        public var lastSync: Int64
        /// What the user says about it.
        public var statusMessage: String?
        /// Whether the user is active right now.
        public var isCurrentlyActive: Bool

        /// A presence.
        public init(
            userID: String, state: String, lastActive: Int64 = 0, lastFederationUpdate: Int64 = 0,
            lastSync: Int64 = 0, statusMessage: String? = nil, isCurrentlyActive: Bool = false
        ) {
            self.userID = userID
            self.state = state
            self.lastActive = lastActive
            self.lastFederationUpdate = lastFederationUpdate
            self.lastSync = lastSync
            self.statusMessage = statusMessage
            self.isCurrentlyActive = isCurrentlyActive
        }
    }

    private static let columns = """
        p.stream_id, p.user_id, p.state, coalesce(p.last_active_ts, 0),
            coalesce(p.last_federation_update_ts, 0), coalesce(p.last_user_sync_ts, 0),
            p.status_msg, coalesce(p.currently_active, false)
        """

    private static let delete = Statement(
        "presence_delete", "DELETE FROM presence_stream WHERE user_id = ANY($1::text[])")

    private static let insert = Statement(
        "presence_insert",
        """
        INSERT INTO presence_stream (stream_id, user_id, state, last_active_ts,
            last_federation_update_ts, last_user_sync_ts, status_msg, currently_active,
            instance_name)
        SELECT *, 'master' FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[],
            $5::bigint[], $6::bigint[], $7::text[], $8::boolean[])
        """)

    private static let maximum = Statement(
        "presence_maximum", "SELECT coalesce(max(stream_id), 0) FROM presence_stream")

    private static let online = Statement(
        "presence_not_offline",
        "SELECT \(columns) FROM presence_stream p WHERE p.state <> 'offline'")

    private static let ofUsers = Statement(
        "presence_of_users",
        "SELECT \(columns) FROM presence_stream p WHERE p.user_id = ANY($1::text[])")

    private static let updates = Statement(
        "presence_updates",
        """
        SELECT \(columns) FROM presence_stream p
        WHERE p.stream_id > $1 AND p.stream_id <= $2 ORDER BY p.stream_id LIMIT $3
        """)

    // The user's own presence counts too. Who is offline is no news to a client that has just come.
    private static let visible = Statement(
        "presence_visible",
        """
        SELECT \(columns) FROM presence_stream p
        WHERE p.stream_id > $2 AND p.stream_id <= $3 AND (p.state <> 'offline' OR $4)
        AND (p.user_id = $1 OR EXISTS (
            SELECT 1 FROM current_state_events mine
            JOIN current_state_events theirs ON theirs.room_id = mine.room_id
            WHERE mine.type = 'm.room.member' AND mine.state_key = $1
                AND mine.membership = 'join' AND theirs.type = 'm.room.member'
                AND theirs.state_key = p.user_id AND theirs.membership = 'join'))
        ORDER BY p.stream_id
        """)

    private static let ofRooms = Statement(
        "presence_of_rooms",
        """
        SELECT \(columns) FROM presence_stream p
        WHERE p.stream_id <= $2 AND p.state <> 'offline' AND p.user_id IN (
            SELECT state_key FROM current_state_events
            WHERE room_id = ANY($1::text[]) AND type = 'm.room.member' AND membership = 'join')
        ORDER BY p.stream_id
        """)

    private static let together = Statement(
        "presence_together",
        """
        SELECT EXISTS (
            SELECT 1 FROM current_state_events mine
            JOIN current_state_events theirs ON theirs.room_id = mine.room_id
            WHERE mine.type = 'm.room.member' AND mine.state_key = $1
                AND mine.membership = 'join' AND theirs.type = 'm.room.member'
                AND theirs.state_key = $2 AND theirs.membership = 'join')
        """)

    /// Stores presences, each under a stream id of its own, instead of what was known of these users. To be run in a
    /// transaction.
    public static func store(
        _ presences: [(streamID: Int64, presence: Presence)], in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        let values = presences.map(\.presence)
        _ = try await database.queryAll(
            [
                (delete, [.textArray(values.map(\.userID))]),
                (
                    insert,
                    [
                        .integerArray(presences.map(\.streamID)), .textArray(values.map(\.userID)),
                        .textArray(values.map(\.state)), .integerArray(values.map(\.lastActive)),
                        .integerArray(values.map(\.lastFederationUpdate)),
                        .integerArray(values.map(\.lastSync)),
                        .optionalTextArray(values.map(\.statusMessage)),
                        .boolArray(values.map(\.isCurrentlyActive)),
                    ]
                ),
            ], on: loop)
    }

    /// The highest stream id stored.
    public static func maximumStreamID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }

    /// Everybody who is not offline.
    public static func notOffline(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Presence] {
        try presences(await database.query(online, [], on: loop)).map(\.presence)
    }

    /// What is known of some users.
    public static func presences(
        of userIDs: [String], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Presence] {
        try presences(await database.query(ofUsers, [.textArray(userIDs)], on: loop))
            .map(\.presence)
    }

    /// Whether two users are joined to a room together.
    public static func areTogether(
        _ first: String, _ second: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(together, [.text(first), .text(second)], on: loop)
        return try rows.first?.bool(0) ?? false
    }

    /// Changes after `from` and up to `to`, oldest first, for replication's catch-up.
    public static func updates(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(streamID: Int64, presence: Presence)] {
        try presences(
            await database.query(
                updates, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop))
    }

    /// Reads what is new to a user: of its own presence and of those that it shares a room with.
    public static func reading(
        visibleTo userID: String, after: Int64, upTo: Int64, includesOffline: Bool
    ) -> (Statement, [PostgresValue]) {
        (visible, [.text(userID), .integer(after), .integer(upTo), .bool(includesOffline)])
    }

    /// Reads the presence of everybody in some rooms who is not offline.
    public static func reading(
        inRooms roomIDs: [String], upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (ofRooms, [.textArray(roomIDs), .integer(upTo)])
    }

    /// What a statement gave.
    public static func presences(
        _ rows: Rows
    ) throws(PostgresError) -> [(streamID: Int64, presence: Presence)] {
        var found: [(streamID: Int64, presence: Presence)] = []
        found.reserveCapacity(rows.count)
        for row in rows {
            found.append(
                (
                    try row.integer(0),
                    Presence(
                        userID: try row.text(1), state: try row.text(2),
                        lastActive: try row.integer(3), lastFederationUpdate: try row.integer(4),
                        lastSync: try row.integer(5), statusMessage: try row.optionalText(6),
                        isCurrentlyActive: try row.bool(7))
                ))
        }
        return found
    }
}

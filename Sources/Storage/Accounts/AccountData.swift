public import Postgres
public import Reactor

/// What clients store for themselves: tables `account_data` and `room_account_data`.
public enum AccountData {
    static let schema = """
        CREATE TABLE account_data (
            user_id text NOT NULL,
            account_data_type text NOT NULL,
            stream_id bigint NOT NULL,
            content text NOT NULL,
            instance_name text,
            CONSTRAINT account_data_uniqueness UNIQUE (user_id, account_data_type)
        );
        -- An incremental /sync reads what is new for one user.
        CREATE INDEX account_data_stream_id ON account_data (user_id, stream_id);

        CREATE TABLE room_account_data (
            user_id text NOT NULL,
            room_id text NOT NULL,
            account_data_type text NOT NULL,
            stream_id bigint NOT NULL,
            content text NOT NULL,
            instance_name text,
            CONSTRAINT room_account_data_uniqueness UNIQUE (user_id, room_id, account_data_type)
        );
        -- Purging a room deletes its rows.
        CREATE INDEX room_account_data_room_id ON room_account_data (room_id);
        -- As for account_data.
        CREATE INDEX room_account_data_stream_id ON room_account_data (user_id, stream_id);

        CREATE SEQUENCE account_data_sequence;
        """

    /// A piece of account data that changed, as replication announces it.
    public struct Change: Sendable, Hashable {
        /// The position of the change.
        public let streamID: Int64
        /// Whose it is.
        public let userID: String
        /// The room it belongs to; nil for the account's own.
        public let roomID: String?
        /// The event type.
        public let type: String
        /// The content's JSON.
        public let content: String
    }

    private static let upsertGlobal = Statement(
        "account_data_upsert",
        """
        INSERT INTO account_data (user_id, account_data_type, stream_id, content, instance_name)
        VALUES ($1, $2, $3, $4, 'master') ON CONFLICT (user_id, account_data_type)
        DO UPDATE SET stream_id = EXCLUDED.stream_id, content = EXCLUDED.content,
            instance_name = EXCLUDED.instance_name
        """)

    private static let upsertRoom = Statement(
        "room_account_data_upsert",
        """
        INSERT INTO room_account_data
            (user_id, room_id, account_data_type, stream_id, content, instance_name)
        VALUES ($1, $2, $3, $4, $5, 'master')
        ON CONFLICT (user_id, room_id, account_data_type)
        DO UPDATE SET stream_id = EXCLUDED.stream_id, content = EXCLUDED.content,
            instance_name = EXCLUDED.instance_name
        """)

    private static let findGlobal = Statement(
        "account_data_find",
        "SELECT content FROM account_data WHERE user_id = $1 AND account_data_type = $2")

    private static let findRoom = Statement(
        "room_account_data_find",
        """
        SELECT content FROM room_account_data
        WHERE user_id = $1 AND room_id = $2 AND account_data_type = $3
        """)

    private static let maximum = Statement(
        "account_data_maximum",
        """
        SELECT greatest(
            (SELECT coalesce(max(stream_id), 0) FROM account_data),
            (SELECT coalesce(max(stream_id), 0) FROM room_account_data),
            (SELECT coalesce(max(stream_id), 0) FROM room_tags_revisions))
        """)

    private static let updates = Statement(
        "account_data_updates",
        """
        SELECT stream_id, user_id, NULL, account_data_type, content FROM account_data
        WHERE stream_id > $1 AND stream_id <= $2
        UNION ALL
        SELECT stream_id, user_id, room_id, account_data_type, content FROM room_account_data
        WHERE stream_id > $1 AND stream_id <= $2
        ORDER BY 1 LIMIT $3
        """)

    /// Stores a user's data of one type, for one room or for the account, under a stream id.
    public static func store(
        userID: String, roomID: String?, type: String, content: String, streamID: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        if let roomID {
            _ = try await database.query(
                upsertRoom,
                [.text(userID), .text(roomID), .text(type), .integer(streamID), .text(content)],
                on: loop)
        } else {
            _ = try await database.query(
                upsertGlobal, [.text(userID), .text(type), .integer(streamID), .text(content)],
                on: loop)
        }
    }

    /// A user's data of one type, as JSON text.
    public static func content(
        userID: String, roomID: String?, type: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        let rows =
            if let roomID {
                try await database.query(
                    findRoom, [.text(userID), .text(roomID), .text(type)], on: loop)
            } else {
                try await database.query(findGlobal, [.text(userID), .text(type)], on: loop)
            }
        return try rows.first?.text(0)
    }

    /// The highest stream id that account data or tags were stored under.
    public static func maximumStreamID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }

    /// Changes after `from` and up to `to`, oldest first, for replication's catch-up.
    public static func updates(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Change] {
        let rows = try await database.query(
            updates, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop)
        var changes: [Change] = []
        for row in rows {
            changes.append(
                Change(
                    streamID: try row.integer(0), userID: try row.text(1),
                    roomID: try row.optionalText(2), type: try row.text(3),
                    content: try row.text(4)))
        }
        return changes
    }
}

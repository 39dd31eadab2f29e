public import Postgres
public import Reactor

/// Where users want to be notified: tables `pushers`, `deleted_pushers` and `pusher_throttle`.
///
/// A pusher's id is also its position in the stream of pushers, and rises with each change.
public enum Pushers {
    static let schema = """
        CREATE SEQUENCE pushers_sequence;
        CREATE TABLE pushers (
            id bigint PRIMARY KEY,
            user_name text NOT NULL,
            access_token bigint,
            profile_tag text NOT NULL,
            kind text NOT NULL,
            app_id text NOT NULL,
            app_display_name text NOT NULL,
            device_display_name text NOT NULL,
            pushkey text NOT NULL,
            ts bigint NOT NULL,
            lang text,
            data text,
            last_stream_ordering bigint,
            last_success bigint,
            failing_since bigint,
            enabled boolean,
            device_id text,
            instance_name text,
            -- Setting a pusher replaces one like it, of whichever user.
            CONSTRAINT pushers2_app_id_pushkey_user_name_key UNIQUE (app_id, pushkey, user_name)
        );
        -- A user's list; what ends with a device.
        CREATE INDEX pushers_user_name ON pushers (user_name);

        CREATE TABLE deleted_pushers (
            stream_id bigint NOT NULL,
            app_id text NOT NULL,
            pushkey text NOT NULL,
            user_id text NOT NULL,
            instance_name text
        );
        -- Replication catches up by stream id.
        CREATE INDEX deleted_pushers_stream_id ON deleted_pushers (stream_id);

        CREATE TABLE pusher_throttle (
            pusher bigint NOT NULL,
            room_id text NOT NULL,
            last_sent_ts bigint,
            throttle_ms bigint,
            PRIMARY KEY (pusher, room_id)
        );
        """

    /// What tells pushers apart.
    public struct Key: Sendable, Hashable {
        /// The application.
        public let appID: String
        /// Where the application is, as its gateway knows it.
        public let pushKey: String
        /// Whose pusher.
        public let userID: String

        /// A key of these parts.
        public init(appID: String, pushKey: String, userID: String) {
            self.appID = appID
            self.pushKey = pushKey
            self.userID = userID
        }
    }

    /// A pusher.
    public struct Pusher: Sendable, Hashable {
        /// What tells it apart.
        public let key: Key
        /// `http` or `email`.
        public let kind: String
        /// The application's name for people.
        public let appName: String
        /// The device's name for people.
        public let deviceName: String
        /// A name for a set of rules of the device's own.
        public let profileTag: String
        /// The language in which to notify.
        public let language: String
        /// JSON: what the pusher needs to know, such as the gateway's address.
        public let data: String
        /// The device that set it.
        public let deviceID: String?
        /// The number of the access token that set it.
        public let tokenID: Int64?

        /// A pusher with these parts.
        public init(
            key: Key, kind: String, appName: String, deviceName: String, profileTag: String,
            language: String, data: String, deviceID: String?, tokenID: Int64?
        ) {
            self.key = key
            self.kind = kind
            self.appName = appName
            self.deviceName = deviceName
            self.profileTag = profileTag
            self.language = language
            self.data = data
            self.deviceID = deviceID
            self.tokenID = tokenID
        }
    }

    /// A pusher that was set, or deleted.
    public struct Change: Sendable, Hashable {
        /// The position of the change.
        public let streamID: Int64
        /// Which pusher.
        public let key: Key
        /// Whether it was deleted.
        public let isDeleted: Bool
    }

    private static let upsert = Statement(
        "pushers_upsert",
        """
        INSERT INTO pushers (id, user_name, access_token, profile_tag, kind, app_id,
            app_display_name, device_display_name, pushkey, ts, lang, data, last_stream_ordering,
            enabled, device_id, instance_name)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, true, $14, 'master')
        ON CONFLICT (app_id, pushkey, user_name) DO UPDATE SET id = EXCLUDED.id,
            access_token = EXCLUDED.access_token, profile_tag = EXCLUDED.profile_tag,
            kind = EXCLUDED.kind, app_display_name = EXCLUDED.app_display_name,
            device_display_name = EXCLUDED.device_display_name, ts = EXCLUDED.ts,
            lang = EXCLUDED.lang, data = EXCLUDED.data, enabled = true,
            last_stream_ordering = EXCLUDED.last_stream_ordering, failing_since = NULL,
            device_id = EXCLUDED.device_id, instance_name = EXCLUDED.instance_name
        """)

    private static let deletion = Statement(
        "pushers_delete",
        """
        WITH gone AS (
            DELETE FROM pushers p
            USING unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS x (s, a, k, u)
            WHERE p.app_id = x.a AND p.pushkey = x.k AND p.user_name = x.u
            RETURNING x.s, p.id, p.app_id, p.pushkey, p.user_name
        ), calm AS (
            DELETE FROM pusher_throttle t USING gone WHERE t.pusher = gone.id
        )
        INSERT INTO deleted_pushers (stream_id, app_id, pushkey, user_id, instance_name)
        SELECT s, app_id, pushkey, user_name, 'master' FROM gone
        """)

    private static let ofUser = Statement(
        "pushers_of_user",
        """
        SELECT app_id, pushkey, user_name, kind, app_display_name, device_display_name,
            profile_tag, coalesce(lang, ''), coalesce(data, '{}'), device_id, access_token
        FROM pushers WHERE user_name = $1 ORDER BY id
        """)

    private static let alike = Statement(
        "pushers_alike",
        "SELECT user_name FROM pushers WHERE app_id = $1 AND pushkey = $2 AND user_name <> $3")

    private static let maximum = Statement(
        "pushers_maximum",
        """
        SELECT greatest((SELECT coalesce(max(id), 0) FROM pushers),
            (SELECT coalesce(max(stream_id), 0) FROM deleted_pushers))
        """)

    private static let updates = Statement(
        "pushers_updates",
        """
        SELECT id, app_id, pushkey, user_name, false FROM pushers WHERE id > $1 AND id <= $2
        UNION ALL
        SELECT stream_id, app_id, pushkey, user_id, true FROM deleted_pushers
        WHERE stream_id > $1 AND stream_id <= $2
        ORDER BY 1 LIMIT $3
        """)

    /// Sets a pusher, which begins with what comes after `eventPosition`.
    public static func set(
        _ pusher: Pusher, streamID: Int64, eventPosition: Int64, now: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            upsert,
            [
                .integer(streamID), .text(pusher.key.userID), PostgresValue(pusher.tokenID),
                .text(pusher.profileTag), .text(pusher.kind), .text(pusher.key.appID),
                .text(pusher.appName), .text(pusher.deviceName), .text(pusher.key.pushKey),
                .integer(now), .text(pusher.language), .text(pusher.data),
                .integer(eventPosition), PostgresValue(pusher.deviceID),
            ], on: loop)
    }

    /// Deletes pushers, each under a stream id; those that are gone already are passed over.
    public static func delete(
        _ keys: [(streamID: Int64, key: Key)], in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            deletion,
            [
                .integerArray(keys.map(\.streamID)), .textArray(keys.map(\.key.appID)),
                .textArray(keys.map(\.key.pushKey)), .textArray(keys.map(\.key.userID)),
            ], on: loop)
    }

    /// A user's pushers, those that were set longest ago in front.
    public static func all(
        of userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Pusher] {
        var pushers: [Pusher] = []
        for row in try await database.query(ofUser, [.text(userID)], on: loop) {
            let key = Key(
                appID: try row.text(0), pushKey: try row.text(1), userID: try row.text(2))
            pushers.append(
                Pusher(
                    key: key, kind: try row.text(3), appName: try row.text(4),
                    deviceName: try row.text(5), profileTag: try row.text(6),
                    language: try row.text(7), data: try row.text(8),
                    deviceID: try row.optionalText(9), tokenID: try row.optionalInteger(10)))
        }
        return pushers
    }

    /// The pushers of other users for the same application in the same place.
    public static func othersLike(
        _ key: Key, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Key] {
        try await database.query(
            alike, [.text(key.appID), .text(key.pushKey), .text(key.userID)], on: loop
        ).texts().map { Key(appID: key.appID, pushKey: key.pushKey, userID: $0) }
    }

    /// The highest stream id stored.
    public static func maximumStreamID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }

    /// What changed after `from` and up to `to`, oldest first, for replication's catch-up.
    public static func updates(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Change] {
        let rows = try await database.query(
            updates, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop)
        var changes: [Change] = []
        for row in rows {
            let key = Key(
                appID: try row.text(1), pushKey: try row.text(2), userID: try row.text(3))
            changes.append(
                Change(streamID: try row.integer(0), key: key, isDeleted: try row.bool(4)))
        }
        return changes
    }
}

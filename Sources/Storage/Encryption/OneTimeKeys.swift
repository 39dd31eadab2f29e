public import Postgres
public import Reactor

/// Keys that serve once, with which others begin to talk to a device, and the one that serves when they have run out:
/// tables `e2e_one_time_keys_json` and `e2e_fallback_keys_json`.
public enum OneTimeKeys {
    static let schema = """
        CREATE TABLE e2e_one_time_keys_json (
            user_id text NOT NULL,
            device_id text NOT NULL,
            algorithm text NOT NULL,
            key_id text NOT NULL,
            ts_added_ms bigint NOT NULL,
            key_json text NOT NULL,
            CONSTRAINT e2e_one_time_keys_json_uniqueness
                UNIQUE (user_id, device_id, algorithm, key_id)
        );
        -- The oldest key is claimed first.
        CREATE INDEX e2e_one_time_keys_json_user_id_device_id_algorithm_ts_added_idx
            ON e2e_one_time_keys_json (user_id, device_id, algorithm, ts_added_ms);

        CREATE TABLE e2e_fallback_keys_json (
            user_id text NOT NULL,
            device_id text NOT NULL,
            algorithm text NOT NULL,
            key_id text NOT NULL,
            key_json text NOT NULL,
            used boolean NOT NULL DEFAULT false,
            CONSTRAINT e2e_fallback_keys_json_uniqueness UNIQUE (user_id, device_id, algorithm)
        );
        """

    /// A key of a device.
    public struct Key: Sendable, Hashable {
        /// Such as `signed_curve25519`.
        public let algorithm: String
        /// What stands behind the algorithm and a colon.
        public let keyID: String
        /// The key, as canonical JSON.
        public let json: String

        /// A key.
        public init(algorithm: String, keyID: String, json: String) {
            self.algorithm = algorithm
            self.keyID = keyID
            self.json = json
        }
    }

    /// A wish for a key of a device, and the key that serves it.
    public struct Claim: Sendable, Hashable {
        /// Whose.
        public let userID: String
        /// The device.
        public let deviceID: String
        /// The kind of key.
        public let algorithm: String

        /// A wish.
        public init(userID: String, deviceID: String, algorithm: String) {
            self.userID = userID
            self.deviceID = deviceID
            self.algorithm = algorithm
        }
    }

    /// A key that was given away.
    public struct Claimed: Sendable, Hashable {
        /// The wish that it serves.
        public let claim: Claim
        /// The key.
        public let key: Key
    }

    // A key of a known id stays as it is; the caller compares.
    private static let insert = Statement(
        "one_time_keys_insert",
        """
        INSERT INTO e2e_one_time_keys_json
            (user_id, device_id, algorithm, key_id, ts_added_ms, key_json)
        SELECT $1, $2, a, k, $3, j FROM unnest($4::text[], $5::text[], $6::text[]) AS x (a, k, j)
        ON CONFLICT DO NOTHING
        """)

    private static let find = Statement(
        "one_time_keys_find",
        """
        SELECT e.algorithm, e.key_id, e.key_json
        FROM unnest($3::text[], $4::text[]) AS x (a, k)
        JOIN e2e_one_time_keys_json e ON e.user_id = $1 AND e.device_id = $2
            AND e.algorithm = x.a AND e.key_id = x.k
        """)

    // The oldest key that nobody else is taking at this moment, for each wish. Wishes are distinct.
    private static let claim = Statement(
        "one_time_keys_claim",
        """
        WITH picked AS (
            SELECT e.user_id, e.device_id, e.algorithm, e.key_id
            FROM unnest($1::text[], $2::text[], $3::text[]) AS c (user_id, device_id, algorithm)
            CROSS JOIN LATERAL (
                SELECT o.user_id, o.device_id, o.algorithm, o.key_id
                FROM e2e_one_time_keys_json o
                WHERE o.user_id = c.user_id AND o.device_id = c.device_id
                    AND o.algorithm = c.algorithm
                ORDER BY o.ts_added_ms LIMIT 1 FOR UPDATE SKIP LOCKED
            ) e
        )
        DELETE FROM e2e_one_time_keys_json k USING picked p
        WHERE k.user_id = p.user_id AND k.device_id = p.device_id
            AND k.algorithm = p.algorithm AND k.key_id = p.key_id
        RETURNING k.user_id, k.device_id, k.algorithm, k.key_id, k.key_json
        """)

    private static let claimFallback = Statement(
        "fallback_keys_claim",
        """
        UPDATE e2e_fallback_keys_json f SET used = true
        FROM unnest($1::text[], $2::text[], $3::text[]) AS c (user_id, device_id, algorithm)
        WHERE f.user_id = c.user_id AND f.device_id = c.device_id AND f.algorithm = c.algorithm
        RETURNING f.user_id, f.device_id, f.algorithm, f.key_id, f.key_json
        """)

    // The same key uploaded again stays used.
    private static let setFallback = Statement(
        "fallback_keys_upsert",
        """
        INSERT INTO e2e_fallback_keys_json AS f
            (user_id, device_id, algorithm, key_id, key_json, used)
        SELECT $1, $2, a, k, j, false FROM unnest($3::text[], $4::text[], $5::text[])
            AS x (a, k, j)
        ON CONFLICT (user_id, device_id, algorithm) DO UPDATE SET
            used = f.used AND f.key_id = EXCLUDED.key_id AND f.key_json = EXCLUDED.key_json,
            key_id = EXCLUDED.key_id, key_json = EXCLUDED.key_json
        """)

    private static let count = Statement(
        "one_time_keys_count",
        """
        SELECT algorithm, count(*) FROM e2e_one_time_keys_json
        WHERE user_id = $1 AND device_id = $2 GROUP BY algorithm ORDER BY algorithm
        """)

    private static let unusedFallbacks = Statement(
        "fallback_keys_unused",
        """
        SELECT algorithm FROM e2e_fallback_keys_json
        WHERE user_id = $1 AND device_id = $2 AND NOT used ORDER BY algorithm
        """)

    private static let deletions = [
        Statement(
            "one_time_keys_delete",
            "DELETE FROM e2e_one_time_keys_json WHERE user_id = $1 AND device_id = ANY($2::text[])"
        ),
        Statement(
            "fallback_keys_delete",
            "DELETE FROM e2e_fallback_keys_json WHERE user_id = $1 AND device_id = ANY($2::text[])"
        ),
    ]

    /// Adds keys of a device. Those whose ids are known are left as they are.
    ///
    /// Returns the device's keys of these ids.
    public static func add(
        _ keys: [Key], userID: String, deviceID: String, now: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Key] {
        let names: [PostgresValue] = [
            .textArray(keys.map(\.algorithm)), .textArray(keys.map(\.keyID)),
        ]
        let results = try await database.queryAll(
            [
                (
                    insert,
                    [.text(userID), .text(deviceID), .integer(now)] + names
                        + [.textArray(keys.map(\.json))]
                ),
                (find, [.text(userID), .text(deviceID)] + names),
            ], on: loop)
        var stored: [Key] = []
        for row in results[1] {
            stored.append(
                Key(algorithm: try row.text(0), keyID: try row.text(1), json: try row.text(2)))
        }
        return stored
    }

    /// Sets the fallback keys of a device, one per algorithm.
    public static func setFallbacks(
        _ keys: [Key], userID: String, deviceID: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            setFallback,
            [
                .text(userID), .text(deviceID), .textArray(keys.map(\.algorithm)),
                .textArray(keys.map(\.keyID)), .textArray(keys.map(\.json)),
            ], on: loop)
    }

    /// Takes one key for each wish, which must be distinct. No key is given away twice.
    public static func claim(
        _ claims: [Claim], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Claimed] {
        try claimed(await database.query(claim, columns(claims), on: loop))
    }

    /// The fallback keys for wishes, which must be distinct, noting that they have been used.
    public static func claimFallbacks(
        _ claims: [Claim], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Claimed] {
        try claimed(await database.query(claimFallback, columns(claims), on: loop))
    }

    private static func columns(_ claims: [Claim]) -> [PostgresValue] {
        [
            .textArray(claims.map(\.userID)), .textArray(claims.map(\.deviceID)),
            .textArray(claims.map(\.algorithm)),
        ]
    }

    private static func claimed(_ rows: Rows) throws(PostgresError) -> [Claimed] {
        var claimed: [Claimed] = []
        for row in rows {
            claimed.append(
                Claimed(
                    claim: Claim(
                        userID: try row.text(0), deviceID: try row.text(1),
                        algorithm: try row.text(2)),
                    key: Key(
                        algorithm: try row.text(2), keyID: try row.text(3),
                        json: try row.text(4))))
        }
        return claimed
    }

    /// Statements that read how many keys a device has left, and of which algorithms its fallback key is unused.
    public static func readingCounts(
        userID: String, deviceID: String
    ) -> [(Statement, [PostgresValue])] {
        let parameters: [PostgresValue] = [.text(userID), .text(deviceID)]
        return [(count, parameters), (unusedFallbacks, parameters)]
    }

    /// What the first statement of `readingCounts` gave.
    public static func counts(
        _ rows: Rows
    ) throws(PostgresError) -> [(algorithm: String, count: Int64)] {
        var counts: [(algorithm: String, count: Int64)] = []
        for row in rows { counts.append((try row.text(0), try row.integer(1))) }
        return counts
    }

    /// What the second statement of `readingCounts` gave.
    public static func unusedFallbacks(_ rows: Rows) throws(PostgresError) -> [String] {
        try rows.texts()
    }

    static func deletions(userID: String, deviceIDs: [String]) -> [Command] {
        deletions.map { ($0, [.text(userID), .textArray(deviceIDs)]) }
    }
}

public import Postgres
public import Reactor

/// The tokens with which devices get new access tokens: table `refresh_tokens`.
///
/// A token points to the one that it was exchanged for. Until that successor (or the access token that came with it) has
/// been used, the exchange may be repeated: the answer may have been lost on its way.
public enum RefreshTokens {
    static let schema = """
        CREATE TABLE refresh_tokens (
            id bigint PRIMARY KEY,
            user_id text NOT NULL,
            device_id text NOT NULL,
            token text NOT NULL,
            next_token_id bigint,
            expiry_ts bigint,
            ultimate_session_expiry_ts bigint,
            UNIQUE (token)
        );
        -- A token is looked up together with its predecessor.
        CREATE INDEX refresh_tokens_next_token_id ON refresh_tokens (next_token_id)
            WHERE next_token_id IS NOT NULL;
        -- Logging a device out deletes its tokens.
        CREATE INDEX refresh_tokens_device_id ON refresh_tokens (user_id, device_id);
        """

    /// A token that a client presented, and what became of it.
    public struct Found: Sendable, Hashable {
        /// Its number.
        public let id: Int64
        /// Whose it is.
        public let userID: String
        /// The device that it keeps logged in.
        public let deviceID: String
        /// The token that it was exchanged for.
        public let nextID: Int64?
        /// Whether that one, or its access token, has been used.
        public let isNextUsed: Bool
        /// When it ends, in milliseconds since 1970.
        public let expiresAt: Int64?
        /// When the login ends for good.
        public let sessionEndsAt: Int64?
    }

    private static let insert = Statement(
        "refresh_tokens_insert",
        """
        INSERT INTO refresh_tokens
            (id, user_id, device_id, token, expiry_ts, ultimate_session_expiry_ts)
        VALUES ($1, $2, $3, $4, $5, $6)
        """)

    private static let find = Statement(
        "refresh_tokens_find",
        """
        SELECT r.id, r.user_id, r.device_id, r.next_token_id, r.expiry_ts,
            r.ultimate_session_expiry_ts,
            n.next_token_id IS NOT NULL OR EXISTS (
                SELECT 1 FROM access_tokens a WHERE a.refresh_token_id = n.id AND a.used)
        FROM refresh_tokens r
        JOIN users u ON u.name = r.user_id AND u.deactivated = 0
        LEFT JOIN refresh_tokens n ON n.id = r.next_token_id
        WHERE r.token = $1
        """)

    // Only one of two exchanges at once finds the token as both have read it.
    private static let exchange = Statement(
        "refresh_tokens_exchange",
        """
        UPDATE refresh_tokens SET next_token_id = $2
        WHERE id = $1 AND next_token_id IS NOT DISTINCT FROM $3 RETURNING id
        """)

    private static let delete = Statement(
        "refresh_tokens_delete", "DELETE FROM refresh_tokens WHERE id = $1")

    private static let deleteDevices = Statement(
        "refresh_tokens_delete_devices",
        "DELETE FROM refresh_tokens WHERE user_id = $1 AND device_id = ANY($2::text[])")

    private static let deleteUser = Statement(
        "refresh_tokens_delete_user", "DELETE FROM refresh_tokens WHERE user_id = $1")

    private static let maximum = Statement(
        "refresh_tokens_maximum", "SELECT coalesce(max(id), 0) FROM refresh_tokens")

    /// Stores a token; `id` comes from the main process's counter.
    public static func add(
        id: Int64, token: String, userID: String, deviceID: String, expiresAt: Int64?,
        sessionEndsAt: Int64?, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insert,
            [
                .integer(id), .text(userID), .text(deviceID), .text(token),
                PostgresValue(expiresAt), PostgresValue(sessionEndsAt),
            ], on: loop)
    }

    /// The token with this text, or nil; also when its account is closed.
    public static func find(
        _ token: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Found? {
        guard let row = try await database.query(find, [.text(token)], on: loop).first else {
            return nil
        }
        return Found(
            id: try row.integer(0), userID: try row.text(1), deviceID: try row.text(2),
            nextID: try row.optionalInteger(3), isNextUsed: try row.bool(6),
            expiresAt: try row.optionalInteger(4), sessionEndsAt: try row.optionalInteger(5))
    }

    /// Notes what a token was exchanged for, and ends what it was exchanged for before. To be run in a transaction.
    ///
    /// Returns the access tokens that ended, or nil when somebody else exchanged the token meanwhile.
    public static func exchange(
        _ found: Found, for nextID: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String]? {
        let rows = try await database.query(
            exchange, [.integer(found.id), .integer(nextID), PostgresValue(found.nextID)],
            on: loop)
        guard !rows.isEmpty else { return nil }
        guard let former = found.nextID else { return [] }
        _ = try await database.query(delete, [.integer(former)], on: loop)
        return try await AccessTokens.remove(refreshTokenID: former, in: database, on: loop)
    }

    /// Ends the tokens of devices, or all of a user's when `deviceIDs` is nil.
    public static func remove(
        userID: String, deviceIDs: [String]?, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        if let deviceIDs {
            _ = try await database.query(
                deleteDevices, [.text(userID), .textArray(deviceIDs)], on: loop)
        } else {
            _ = try await database.query(deleteUser, [.text(userID)], on: loop)
        }
    }

    /// The highest id in use; the counter of the main process starts above it.
    public static func maximumID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }
}

public import Postgres
public import Reactor

/// The access tokens of logged-in devices: table `access_tokens`.
public enum AccessTokens {
    static let schema = """
        CREATE TABLE access_tokens (
            id bigint PRIMARY KEY,
            user_id text NOT NULL,
            device_id text,
            token text NOT NULL,
            valid_until_ms bigint,
            puppets_user_id text,
            last_validated bigint,
            refresh_token_id bigint,
            used boolean,
            UNIQUE (token)
        );
        -- Logging a device out deletes its tokens.
        CREATE INDEX access_tokens_device_id ON access_tokens (user_id, device_id);
        -- Using a refresh token ends the tokens that came from it.
        CREATE INDEX access_tokens_refresh_token_id ON access_tokens (refresh_token_id);
        """

    /// Who a token speaks for.
    public struct Owner: Sendable, Hashable {
        /// The token's number, which events and pushers refer to.
        public let tokenID: Int64
        /// The full user id.
        public let userID: String
        /// The device that logged in; absent for tokens made by the administration.
        public let deviceID: String?
        /// When the token ends, in milliseconds since 1970; nil for never.
        public let validUntil: Int64?
        /// Whether the account is a guest's.
        public let isGuest: Bool
        /// Whether the account is one of the server's administrators.
        public let isAdmin: Bool
        /// Whether the administration has locked the account.
        public let isLocked: Bool

        /// An owner as it is stored.
        public init(
            tokenID: Int64, userID: String, deviceID: String?, validUntil: Int64?, isGuest: Bool,
            isAdmin: Bool = false, isLocked: Bool = false
        ) {
            self.tokenID = tokenID
            self.userID = userID
            self.deviceID = deviceID
            self.validUntil = validUntil
            self.isGuest = isGuest
            self.isAdmin = isAdmin
            self.isLocked = isLocked
        }
    }

    private static let insert = Statement(
        "access_tokens_insert",
        """
        INSERT INTO access_tokens
            (id, user_id, device_id, token, valid_until_ms, last_validated, refresh_token_id, used)
        VALUES ($1, $2, $3, $4, $5, $6, $7, false)
        """)

    // The first use of a token that came from a refresh token is noted: from then on the refresh token that it was
    // exchanged for serves no more.
    private static let find = Statement(
        "access_tokens_find",
        """
        WITH first_use AS (
            UPDATE access_tokens SET used = true
            WHERE token = $1 AND refresh_token_id IS NOT NULL AND NOT coalesce(used, false)
        )
        SELECT a.id, a.user_id, a.device_id, a.valid_until_ms, u.is_guest, u.admin, u.locked
        FROM access_tokens a JOIN users u ON u.name = a.user_id
        WHERE a.token = $1 AND u.deactivated = 0
        """)

    private static let deleteToken = Statement(
        "access_tokens_delete", "DELETE FROM access_tokens WHERE token = $1")

    private static let deleteDevices = Statement(
        "access_tokens_delete_devices",
        """
        DELETE FROM access_tokens WHERE user_id = $1 AND device_id = ANY($2::text[])
        RETURNING token
        """)

    private static let deleteOthers = Statement(
        "access_tokens_delete_others",
        """
        DELETE FROM access_tokens WHERE user_id = $1 AND token IS DISTINCT FROM $2
        RETURNING token
        """)

    private static let deleteRefreshed = Statement(
        "access_tokens_delete_refreshed",
        "DELETE FROM access_tokens WHERE refresh_token_id = $1 RETURNING token")

    private static let maximum = Statement(
        "access_tokens_maximum", "SELECT coalesce(max(id), 0) FROM access_tokens")

    /// Stores a token; `id` comes from the main process's counter, `refreshTokenID` is the refresh token that is handed
    /// out together with it.
    public static func add(
        id: Int64, token: String, userID: String, deviceID: String?, validUntil: Int64?,
        refreshTokenID: Int64? = nil, now: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insert,
            [
                .integer(id), .text(userID), PostgresValue(deviceID), .text(token),
                PostgresValue(validUntil), .integer(now), PostgresValue(refreshTokenID),
            ], on: loop)
    }

    /// Who `token` speaks for, or nil when there is no such token or its account is closed.
    public static func owner(
        of token: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Owner? {
        let rows = try await database.query(find, [.text(token)], on: loop)
        guard let row = rows.first else { return nil }
        return Owner(
            tokenID: try row.integer(0), userID: try row.text(1),
            deviceID: try row.optionalText(2), validUntil: try row.optionalInteger(3),
            isGuest: try row.integer(4) != 0, isAdmin: try row.integer(5) != 0,
            isLocked: try row.bool(6))
    }

    /// Ends one token.
    public static func remove(
        _ token: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(deleteToken, [.text(token)], on: loop)
    }

    /// Ends the tokens of devices.
    ///
    /// Returns them.
    public static func remove(
        userID: String, deviceIDs: [String], in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        try await database.query(
            deleteDevices, [.text(userID), .textArray(deviceIDs)], on: loop
        ).texts()
    }

    /// Ends all tokens of a user, except one.
    ///
    /// Returns them.
    public static func remove(
        userID: String, except token: String?, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        try await database.query(deleteOthers, [.text(userID), PostgresValue(token)], on: loop)
            .texts()
    }

    /// Ends the tokens that came together with a refresh token.
    ///
    /// Returns them.
    static func remove(
        refreshTokenID: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        try await database.query(deleteRefreshed, [.integer(refreshTokenID)], on: loop).texts()
    }

    /// The highest id in use; the counter of the main process starts above it.
    public static func maximumID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }
}

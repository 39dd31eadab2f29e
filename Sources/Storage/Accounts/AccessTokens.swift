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

        /// An owner as it is stored.
        public init(
            tokenID: Int64, userID: String, deviceID: String?, validUntil: Int64?, isGuest: Bool
        ) {
            self.tokenID = tokenID
            self.userID = userID
            self.deviceID = deviceID
            self.validUntil = validUntil
            self.isGuest = isGuest
        }
    }

    private static let insert = Statement(
        "access_tokens_insert",
        """
        INSERT INTO access_tokens (id, user_id, device_id, token, valid_until_ms, last_validated, used)
        VALUES ($1, $2, $3, $4, $5, $6, false)
        """)

    private static let find = Statement(
        "access_tokens_find",
        """
        SELECT a.id, a.user_id, a.device_id, a.valid_until_ms, u.is_guest
        FROM access_tokens a JOIN users u ON u.name = a.user_id
        WHERE a.token = $1 AND u.deactivated = 0
        """)

    private static let deleteToken = Statement(
        "access_tokens_delete", "DELETE FROM access_tokens WHERE token = $1")

    private static let deleteDevice = Statement(
        "access_tokens_delete_device",
        """
        DELETE FROM access_tokens WHERE user_id = $1 AND device_id = $2 RETURNING token
        """)

    private static let deleteUser = Statement(
        "access_tokens_delete_user",
        "DELETE FROM access_tokens WHERE user_id = $1 RETURNING token")

    private static let maximum = Statement(
        "access_tokens_maximum", "SELECT coalesce(max(id), 0) FROM access_tokens")

    /// Stores a token; `id` comes from the main process's counter.
    public static func add(
        id: Int64, token: String, userID: String, deviceID: String?, validUntil: Int64?,
        now: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insert,
            [
                .integer(id), .text(userID), PostgresValue(deviceID), .text(token),
                PostgresValue(validUntil), .integer(now),
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
            isGuest: try row.integer(4) != 0)
    }

    /// Ends one token.
    public static func remove(
        _ token: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(deleteToken, [.text(token)], on: loop)
    }

    /// Ends a device's tokens, or all of a user's when `deviceID` is nil.
    ///
    /// Returns them.
    public static func remove(
        userID: String, deviceID: String?, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        let rows =
            if let deviceID {
                try await database.query(deleteDevice, [.text(userID), .text(deviceID)], on: loop)
            } else {
                try await database.query(deleteUser, [.text(userID)], on: loop)
            }
        var tokens: [String] = []
        for row in rows { tokens.append(try row.text(0)) }
        return tokens
    }

    /// The highest id in use; the counter of the main process starts above it.
    public static func maximumID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }
}

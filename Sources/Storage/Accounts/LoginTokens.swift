public import Postgres
public import Reactor

/// Tokens that log one device in, once: table `login_tokens`.
public enum LoginTokens {
    static let schema = """
        CREATE TABLE login_tokens (
            token text PRIMARY KEY,
            user_id text NOT NULL,
            expiry_ts bigint NOT NULL,
            used_ts bigint,
            auth_provider_id text,
            auth_provider_session_id text
        );
        -- A session of an identity provider ends with its tokens.
        CREATE INDEX login_tokens_auth_provider_idx
            ON login_tokens (auth_provider_id, auth_provider_session_id);
        -- Old tokens are pruned.
        CREATE INDEX login_tokens_expiry_time_idx ON login_tokens (expiry_ts);
        """

    private static let insert = Statement(
        "login_tokens_insert",
        "INSERT INTO login_tokens (token, user_id, expiry_ts) VALUES ($1, $2, $3)")

    // One statement, so that of two logins at once one succeeds.
    private static let use = Statement(
        "login_tokens_use",
        """
        UPDATE login_tokens SET used_ts = $2
        WHERE token = $1 AND used_ts IS NULL AND expiry_ts >= $2 RETURNING user_id
        """)

    private static let prune = Statement(
        "login_tokens_prune", "DELETE FROM login_tokens WHERE expiry_ts < $1")

    /// Stores a token that ends at a time in milliseconds since 1970.
    public static func add(
        _ token: String, userID: String, expiresAt: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insert, [.text(token), .text(userID), .integer(expiresAt)], on: loop)
    }

    /// Uses a token up.
    ///
    /// Returns the user that it logs in, or nil for one that is unknown, used or too old.
    public static func use(
        _ token: String, now: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(use, [.text(token), .integer(now)], on: loop).first?.text(0)
    }

    /// Forgets tokens that ended before a time.
    public static func prune(
        before time: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(prune, [.integer(time)], on: loop)
    }
}

public import Postgres
public import Reactor

/// Tokens by which others learn who a user is, without being able to act for the user: table `open_id_tokens`.
public enum OpenIDTokens {
    static let schema = """
        CREATE TABLE open_id_tokens (
            token text PRIMARY KEY,
            ts_valid_until_ms bigint NOT NULL,
            user_id text NOT NULL
        );
        -- Old tokens are pruned.
        CREATE INDEX open_id_tokens_ts_valid_until_ms ON open_id_tokens (ts_valid_until_ms);
        """

    private static let insert = Statement(
        "open_id_tokens_insert",
        "INSERT INTO open_id_tokens (token, ts_valid_until_ms, user_id) VALUES ($1, $2, $3)")

    private static let find = Statement(
        "open_id_tokens_find",
        "SELECT user_id FROM open_id_tokens WHERE token = $1 AND ts_valid_until_ms >= $2")

    private static let prune = Statement(
        "open_id_tokens_prune", "DELETE FROM open_id_tokens WHERE ts_valid_until_ms < $1")

    /// Stores a token that ends at a time in milliseconds since 1970.
    public static func add(
        _ token: String, userID: String, expiresAt: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insert, [.text(token), .integer(expiresAt), .text(userID)], on: loop)
    }

    /// Whom a token stands for, or nil when it is unknown or too old.
    public static func userID(
        of token: String, now: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(find, [.text(token), .integer(now)], on: loop).first?.text(0)
    }

    /// Forgets tokens that ended before a time.
    public static func prune(
        before time: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(prune, [.integer(time)], on: loop)
    }
}

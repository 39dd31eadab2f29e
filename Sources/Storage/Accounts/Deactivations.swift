public import Postgres
public import Reactor

/// Accounts that were closed: tables `erased_users` and `users_pending_deactivation`.
///
/// A closed account leaves its rooms one after the other, which a restart may interrupt; until it has left them all it
/// is pending.
public enum Deactivations {
    static let schema = """
        CREATE TABLE erased_users (
            user_id text NOT NULL
        );
        -- Whether a sender's events are to be shown with their content.
        CREATE UNIQUE INDEX erased_users_user ON erased_users (user_id);

        CREATE TABLE users_pending_deactivation (
            user_id text NOT NULL
        );
        """

    private static let close = Statement(
        "users_deactivate",
        """
        UPDATE users SET deactivated = 1, password_hash = NULL
        WHERE name = $1 AND deactivated = 0 RETURNING name
        """)

    private static let insertPending = Statement(
        "users_pending_deactivation_insert",
        "INSERT INTO users_pending_deactivation (user_id) VALUES ($1)")

    private static let deletePending = Statement(
        "users_pending_deactivation_delete",
        "DELETE FROM users_pending_deactivation WHERE user_id = $1")

    private static let pending = Statement(
        "users_pending_deactivation_list",
        "SELECT DISTINCT user_id FROM users_pending_deactivation ORDER BY user_id LIMIT 100")

    private static let insertErased = Statement(
        "erased_users_insert",
        "INSERT INTO erased_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING")

    private static let deleteProfile = Statement(
        "profiles_delete", "DELETE FROM profiles WHERE full_user_id = $1")

    // What a client stored for an account is nobody's any more.
    private static let deleteData = [
        Statement("account_data_delete_user", "DELETE FROM account_data WHERE user_id = $1"),
        Statement(
            "room_account_data_delete_user", "DELETE FROM room_account_data WHERE user_id = $1"),
        Statement(
            "ignored_users_delete_user", "DELETE FROM ignored_users WHERE ignorer_user_id = $1"),
        Statement("user_threepids_delete_user", "DELETE FROM user_threepids WHERE user_id = $1"),
    ]

    /// Closes an account and notes that it has to leave its rooms. To be run in a transaction.
    ///
    /// With `erases` its profile goes, and later readers are not shown what it wrote. Returns false when it is closed
    /// already.
    public static func close(
        _ userID: String, erases: Bool, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let parameters: [PostgresValue] = [.text(userID)]
        let rows = try await database.query(close, parameters, on: loop)
        guard !rows.isEmpty else { return false }
        var statements = [insertPending] + deleteData
        if erases { statements += [insertErased, deleteProfile] }
        _ = try await database.queryAll(statements.map { ($0, parameters) }, on: loop)
        return true
    }

    /// Closed accounts that have not left all their rooms yet, at most 100.
    public static func pending(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        try await database.query(pending, [], on: loop).texts()
    }

    /// Notes that an account has left its rooms.
    public static func finish(
        _ userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(deletePending, [.text(userID)], on: loop)
    }
}

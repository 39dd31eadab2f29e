public import Postgres
public import Reactor

/// Whom users do not want to hear: table `ignored_users`, unfolded from `m.ignored_user_list`.
public enum IgnoredUsers {
    static let schema = """
        CREATE TABLE ignored_users (
            ignorer_user_id text NOT NULL,
            ignored_user_id text NOT NULL
        );
        -- /sync asks whom a user ignores.
        CREATE UNIQUE INDEX ignored_users_uniqueness
            ON ignored_users (ignorer_user_id, ignored_user_id);
        -- Push asks who ignores a sender.
        CREATE INDEX ignored_users_ignored_user_id ON ignored_users (ignored_user_id);
        """

    private static let delete = Statement(
        "ignored_users_delete",
        """
        DELETE FROM ignored_users
        WHERE ignorer_user_id = $1 AND ignored_user_id <> ALL($2::text[])
        """)

    private static let insert = Statement(
        "ignored_users_insert",
        """
        INSERT INTO ignored_users (ignorer_user_id, ignored_user_id)
        SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
        """)

    private static let list = Statement(
        "ignored_users_list",
        "SELECT ignored_user_id FROM ignored_users WHERE ignorer_user_id = $1")

    /// Replaces the list of a user.
    ///
    /// To be run in a transaction.
    public static func replace(
        userID: String, ignored: [String], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        let parameters: [PostgresValue] = [.text(userID), .textArray(ignored)]
        _ = try await database.queryAll([(delete, parameters), (insert, parameters)], on: loop)
    }

    /// Whom a user ignores.
    public static func ignored(
        by userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        try await database.query(list, [.text(userID)], on: loop).texts()
    }
}

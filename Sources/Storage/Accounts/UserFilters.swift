public import Postgres
public import Reactor

/// Filters that clients uploaded for /sync: table `user_filters`, whose `user_id` is the localpart.
public enum UserFilters {
    static let schema = """
        CREATE TABLE user_filters (
            user_id text NOT NULL,
            filter_id bigint NOT NULL,
            filter_json bytea NOT NULL,
            full_user_id text,
            UNIQUE (full_user_id, filter_id),
            UNIQUE (user_id, filter_id)
        );
        """

    private static let find = Statement(
        "user_filters_find",
        """
        SELECT filter_json FROM user_filters WHERE full_user_id = $1 AND filter_id = $2
        """)

    // Clients upload the same filter at every start, so an equal one is found again first. The new id is one
    // more than the user's highest; two uploads at once collide on the unique key, and the caller retries.
    private static let add = Statement(
        "user_filters_add",
        """
        WITH known AS (
            SELECT filter_id FROM user_filters WHERE full_user_id = $2 AND filter_json = $3
            ORDER BY filter_id LIMIT 1
        ), added AS (
            INSERT INTO user_filters (user_id, full_user_id, filter_json, filter_id)
            SELECT $1, $2, $3,
                (SELECT coalesce(max(filter_id) + 1, 0) FROM user_filters
                WHERE full_user_id = $2 OR user_id = $1)
            WHERE NOT EXISTS (SELECT 1 FROM known)
            ON CONFLICT DO NOTHING RETURNING filter_id
        )
        SELECT filter_id FROM known UNION ALL SELECT filter_id FROM added
        """)

    /// The JSON of a user's filter.
    public static func filter(
        userID: String, filterID: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [UInt8]? {
        let rows = try await database.query(find, [.text(userID), .integer(filterID)], on: loop)
        guard let row = rows.first else { return nil }
        return try row.bytes(0)
    }

    /// Stores a filter, or finds the equal one stored before.
    ///
    /// Returns its id.
    public static func store(
        _ json: [UInt8], userID: String, localpart: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        while true {
            let rows = try await database.query(
                add, [.text(localpart), .text(userID), .bytes(json)], on: loop)
            if let id = try rows.firstInteger { return id }
        }
    }
}

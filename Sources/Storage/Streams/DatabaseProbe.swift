public import Postgres
public import Reactor

/// Whether the database answers at all.
public enum DatabaseProbe {
    private static let nothing = Statement("probe", "SELECT 1")

    /// Returns once it has answered; throws if it cannot.
    public static func ask(
        _ pool: PostgresPool, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await pool.query(nothing, on: loop)
    }
}

public import Postgres
public import Reactor

/// Sessions that a main process which died has left behind at the database.
///
/// A COMMIT that was on its way when the process died is still carried out. A successor that reads the
/// newest stream position before that would announce higher ones, and the row between them to nobody.
public enum FormerWriters {
    private static let busy = Statement(
        "former_writers",
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = $1
            AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle'
        """)

    /// Waits until no other session of this application name is at work, `limit` at most. Returns whether
    /// that came about. This process' own sessions must be idle meanwhile.
    public static func haveFinished(
        _ applicationName: String, within limit: Duration, in pool: PostgresPool,
        on loop: isolated EventLoop
    ) async throws -> Bool {
        let end = loop.now + limit
        while try await pool.query(busy, [.text(applicationName)], on: loop).firstInteger ?? 0 > 0 {
            guard loop.now < end else { return false }
            await loop.sleep(for: .milliseconds(20))
        }
        return true
    }
}

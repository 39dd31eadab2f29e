public import Reactor

/// Connections to one database that the tasks of one loop share.
public final class PostgresPool {
    /// A pool that connects when it is started.
    public init(_ configuration: PostgresConfiguration, on loop: isolated EventLoop) {
    }

    /// Opens the first connections; throws what the first one to fail says.
    public func start(on loop: isolated EventLoop) async throws(PostgresError) {
        throw PostgresError(.poolClosed, "not implemented yet")
    }

    /// Ends the pool: who waits for a connection gets `poolClosed`; what is under way may finish
    /// within the grace, then it gets `poolClosed` as well.
    public func close(grace: Duration = .seconds(5), on loop: isolated EventLoop) async {
    }

    /// Runs one statement by itself on any connection.
    public func query(
        _ statement: Statement, _ parameters: [PostgresValue] = [],
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Rows {
        throw PostgresError(.poolClosed, "not implemented yet")
    }

    /// Runs statements one after the other in one round trip, as one transaction: the first error
    /// ends and undoes all of them.
    public func queryAll(
        _ statements: [(Statement, [PostgresValue])], on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Rows] {
        throw PostgresError(.poolClosed, "not implemented yet")
    }

    /// Runs several statements without parameters, separated by semicolons, for DDL. They are one
    /// transaction unless the script says otherwise.
    public func execute(
        script: String, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        throw PostgresError(.poolClosed, "not implemented yet")
    }

    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
    ///
    /// After a serialization failure or a deadlock the whole body runs again, a bounded number of
    /// times, so it must have no effects besides those on the database.
    public func transaction<Result>(
        isolation: TransactionIsolation = .readCommitted, on loop: isolated EventLoop,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        throw PostgresError(.poolClosed, "not implemented yet")
    }
}

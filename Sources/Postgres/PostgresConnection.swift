public import Reactor

/// How a transaction sees what others commit meanwhile.
public enum TransactionIsolation: String, Sendable {
    /// Each statement sees what was committed before it began.
    case readCommitted = "READ COMMITTED"
    /// All statements see what was committed before the first one.
    case repeatableRead = "REPEATABLE READ"
    /// As if transactions ran one after the other.
    case serializable = "SERIALIZABLE"
}

/// A transaction's hold on a connection, valid until the transaction's body returns.
public final class PostgresConnection {
    /// Runs a statement in the transaction.
    public func query(
        _ statement: Statement, _ parameters: [PostgresValue] = [],
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Rows {
        throw PostgresError(.poolClosed, "not implemented yet")
    }

    /// Runs statements one after the other in one round trip; the first error ends them.
    public func queryAll(
        _ statements: [(Statement, [PostgresValue])], on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Rows] {
        throw PostgresError(.poolClosed, "not implemented yet")
    }

    /// Runs several statements without parameters, separated by semicolons, for DDL.
    public func execute(
        script: String, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        throw PostgresError(.poolClosed, "not implemented yet")
    }
}

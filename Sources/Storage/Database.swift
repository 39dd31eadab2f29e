public import Postgres
public import Reactor

/// What a statement can be sent to: a pool (any of its connections, committed at once) or the one
/// connection of a transaction.
public protocol Database {
    /// Runs one prepared statement.
    func query(
        _ statement: Statement, _ parameters: [PostgresValue], on loop: isolated EventLoop
    ) async throws(PostgresError) -> Rows

    /// Runs several prepared statements in order, in one round trip.
    func queryAll(
        _ commands: [(Statement, [PostgresValue])], on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Rows]
}

extension PostgresPool: Database {}
extension PostgresConnection: Database {}

/// A statement with its parameters, assembled by a table's file and sent by whoever composes a transaction.
typealias Command = (Statement, [PostgresValue])

extension Rows {
    /// The first column of the first row, or nil when there is no row or it is null.
    var firstInteger: Int64? {
        get throws(PostgresError) { try first?.optionalInteger(0) }
    }

    /// One column of text of every row.
    func texts(_ column: Int = 0) throws(PostgresError) -> [String] {
        var texts: [String] = []
        texts.reserveCapacity(count)
        for row in self { texts.append(try row.text(column)) }
        return texts
    }
}

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
    private let connection: Connection
    /// Travels with the first request instead of having a round trip of its own.
    private var begin: String?
    private var isOpen = true
    /// Whether repeating the transaction may help, even if the body threw an error of its own.
    private(set) var sawRetryableError = false

    init(_ connection: Connection, isolation: TransactionIsolation) {
        self.connection = connection
        begin = "BEGIN ISOLATION LEVEL \(isolation.rawValue)"
    }

    /// Runs a statement in the transaction.
    public func query(
        _ statement: Statement, _ parameters: [PostgresValue] = [],
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Rows {
        try await run(.commands([(statement, parameters)]), on: loop).results[0]
    }

    /// Runs statements one after the other in one round trip; the first error ends them.
    public func queryAll(
        _ statements: [(Statement, [PostgresValue])], on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Rows] {
        if statements.isEmpty { return [] }
        return try await run(.commands(statements.map { ($0.0, $0.1) }), on: loop).results
    }

    /// Runs several statements without parameters, separated by semicolons, for DDL.
    public func execute(
        script: String, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await run(.script(script), on: loop)
    }

    private func run(
        _ work: Request.Work, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Request {
        guard isOpen else { throw PostgresError(.misuse, "the transaction has ended") }
        let request = Request(work)
        // What cannot be sent must not take BEGIN with it.
        if let problem = request.problem { throw problem }
        request.begin = begin.take()
        await request.run(by: connection, on: loop)
        guard let error = request.error else { return request }
        if error.isRetryable { sawRetryableError = true }
        throw error
    }

    /// Commits, unless nothing was done.
    func commit(on loop: isolated EventLoop) async throws(PostgresError) {
        guard begin == nil else {
            isOpen = false
            return
        }
        let request = try await run(
            .commands([(Statement(unprepared: "COMMIT"), [])]), on: loop)
        isOpen = false
        if request.wasRolledBack {
            throw PostgresError(
                .transactionAborted,
                "a statement had failed, so the transaction could not be committed")
        }
    }

    /// Undoes the transaction. A failure needs no telling: the connection is not used again then.
    func rollback(on loop: isolated EventLoop) async {
        guard isOpen, begin == nil, connection.state == .ready else {
            isOpen = false
            return
        }
        _ = try? await run(.commands([(Statement(unprepared: "ROLLBACK"), [])]), on: loop)
        isOpen = false
    }
}

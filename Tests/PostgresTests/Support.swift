import Postgres
import PostgresCluster
import Reactor
import Synchronization
import TestSupport
import Testing

/// A pool on the shared cluster with a new schema of its own, closed after `body`. Making a database
/// instead would take most of a test's time.
func withPool<Result: Sendable>(
    _ backend: EventLoop.Backend,
    _ adjust: @escaping @Sendable (inout PostgresConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (PostgresPool, isolated EventLoop) async throws -> Result
) throws -> Result {
    let cluster = try PostgresCluster.shared()
    let schema = "test_\(schemaCount.wrappingAdd(1, ordering: .relaxed).newValue)"
    try cluster.execute("CREATE SCHEMA \(schema)")
    return try withPool(backend, on: cluster, database: "postgres") { configuration in
        configuration.libpqOptions["options"] = "-c search_path=\(schema)"
        adjust(&configuration)
    } _: { pool, loop in
        try await body(pool, loop)
    }
}

private let schemaCount = Atomic<Int>(0)

func withPool<Result: Sendable>(
    _ backend: EventLoop.Backend, on cluster: PostgresCluster, database: String,
    _ adjust: @escaping @Sendable (inout PostgresConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (PostgresPool, isolated EventLoop) async throws -> Result
) throws -> Result {
    try onLoop(backend) { loop in
        var configuration = configuration(for: cluster, database: database)
        adjust(&configuration)
        let pool = PostgresPool(configuration, on: loop)
        try await pool.start(on: loop)
        do {
            let result = try await body(pool, loop)
            await pool.close(on: loop)
            return result
        } catch {
            await pool.close(grace: .zero, on: loop)
            throw error
        }
    }
}

func configuration(
    for cluster: PostgresCluster, database: String
) -> PostgresConfiguration {
    PostgresConfiguration(
        host: cluster.socketFolder, port: cluster.port, user: PostgresCluster.superuser,
        database: database, poolMax: 4)
}

extension PostgresPool {
    /// One text of one row, of a statement that is not prepared.
    func text(_ sql: String, on loop: isolated EventLoop) async throws -> String? {
        try await query(Statement(unprepared: sql), on: loop).first?.optionalText(0)
    }

    /// One integer of one row, of a statement that is not prepared.
    func integer(_ sql: String, on loop: isolated EventLoop) async throws -> Int64 {
        try await query(Statement(unprepared: sql), on: loop)[0].integer(0)
    }
}

/// Runs `count` tasks on the loop at once and gives their results in their order.
func concurrently<Result: Sendable>(
    _ count: Int, on loop: isolated EventLoop, _ body: @escaping (Int) async -> Result
) async -> [Result] {
    var tasks: [Task<Result, Never>] = []
    for index in 0..<count {
        tasks.append(
            loop.spawn {
                _ = loop
                return await body(index)
            })
    }
    var results: [Result] = []
    for task in tasks { results.append(await task.value) }
    return results
}

/// The error that `body` throws; fails the test if it throws none.
func postgresError(
    on loop: isolated EventLoop, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async -> PostgresError? {
    do {
        try await body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as PostgresError {
        return error
    } catch {
        Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}

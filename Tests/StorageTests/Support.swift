import Postgres
import PostgresCluster
import Reactor
import Synchronization
import Testing

@testable import Storage

/// Runs `body` with a pool on a new, empty database, on a loop that the calling thread drives.
func withEmptyDatabase<Result: Sendable>(
    poolMax: Int = 5, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (PostgresPool, isolated EventLoop) async throws -> Result
) throws -> Result {
    let (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
    let loop = try EventLoop()
    let box = Box<Swift.Result<Result, any Error>>()
    loop.submit { loop in
        let configuration = PostgresConfiguration(
            host: cluster.socketFolder, port: cluster.port, user: PostgresCluster.superuser,
            database: database, poolMax: poolMax)
        let pool = PostgresPool(configuration, on: loop)
        do {
            try await pool.start(on: loop)
            box.set(.success(try await body(pool, loop)))
        } catch {
            box.set(.failure(error))
        }
        await pool.close(on: loop)
        loop.stop()
    }
    loop.run()
    return try #require(box.value, sourceLocation: sourceLocation).get()
}

/// The same with all tables.
func withDatabase<Result: Sendable>(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (PostgresPool, isolated EventLoop) async throws -> Result
) throws -> Result {
    try withEmptyDatabase(sourceLocation: sourceLocation) { pool, loop in
        try await Schema.migrate(pool, on: loop)
        return try await body(pool, loop)
    }
}

/// Holds a value that one thread sets and another reads afterwards.
final class Box<Value: Sendable>: Sendable {
    private let storage = Mutex<Value?>(nil)
    var value: Value? { storage.withLock { $0 } }
    func set(_ value: Value) { storage.withLock { $0 = value } }
}

extension PostgresPool {
    /// All rows of a query, each column as text.
    func table(
        _ sql: String, on loop: isolated EventLoop
    ) async throws -> [[String?]] {
        let rows = try await query(Statement(unprepared: sql), [], on: loop)
        return try rows.map { row in
            try (0..<row.count).map { try row.optionalText($0) }
        }
    }

    /// The one number that a query gives.
    func number(_ sql: String, on loop: isolated EventLoop) async throws -> Int64 {
        let row = try #require(
            try await query(Statement(unprepared: sql), [], on: loop).first)
        return try row.integer(0)
    }
}

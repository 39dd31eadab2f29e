import Postgres
import PostgresCluster
import Reactor
import TestSupport
import Testing

@Suite struct TransactionTests {
    static let add = Statement("add", "INSERT INTO t VALUES ($1)")
    static let count = Statement("count", "SELECT count(*) FROM t")
    struct Stop: Error {}

    static func withTable(
        _ backend: EventLoop.Backend, poolMax: Int = 4,
        _ body: @escaping @Sendable (PostgresPool, isolated EventLoop) async throws -> Void
    ) throws {
        try withPool(backend) {
            $0.poolMax = poolMax
        } _: { pool, loop in
            try await pool.execute(script: "CREATE TABLE t (x bigint PRIMARY KEY)", on: loop)
            try await body(pool, loop)
        }
    }

    @Test(arguments: backends) func commitsOrRollsBack(_ backend: EventLoop.Backend) throws {
        try Self.withTable(backend) { pool, loop in
            let value = try await pool.transaction(on: loop) { transaction in
                _ = try await transaction.query(Self.add, [1], on: loop)
                let all = try await transaction.queryAll(
                    [(Self.add, [2]), (Self.count, [])], on: loop)
                // Others do not see it yet.
                #expect(try await pool.query(Self.count, on: loop)[0].integer(0) == 0)
                return try all[1][0].integer(0)
            }
            #expect(value == 2)
            #expect(try await pool.query(Self.count, on: loop)[0].integer(0) == 2)
            await #expect(throws: Stop.self) {
                try await pool.transaction(on: loop) { transaction in
                    _ = try await transaction.query(Self.add, [3], on: loop)
                    throw Stop()
                }
            }
            #expect(try await pool.query(Self.count, on: loop)[0].integer(0) == 2)
            // Nothing done, nothing sent.
            let requests = pool.statistics.requestCount
            try await pool.transaction(on: loop) { _ in }
            #expect(pool.statistics.requestCount == requests)
            #expect(pool.statistics.pinned == 0)
        }
    }

    @Test func aFailedStatementFailsTheTransactionEvenIfTheBodyIgnoresIt() throws {
        try Self.withTable(.epoll) { pool, loop in
            let error = await postgresError(on: loop) {
                try await pool.transaction(on: loop) { transaction in
                    _ = try await transaction.query(Self.add, [1], on: loop)
                    _ = try? await transaction.query(Self.add, [1], on: loop)
                }
            }
            #expect(error?.code == .transactionAborted)
            let later = await postgresError(on: loop) {
                try await pool.transaction(on: loop) { transaction in
                    _ = try? await transaction.query(Statement("bad", "SELECT 1/0"), on: loop)
                    _ = try await transaction.query(Self.count, on: loop)
                }
            }
            #expect(later?.sqlState == "25P02")
            let last = try await pool.query(Self.count, on: loop)[0].integer(0)
            #expect(last == 0)
        }
    }

    @Test(arguments: backends)
    func serializationFailuresAreRetried(_ backend: EventLoop.Backend) throws {
        try Self.withTable(backend) { pool, loop in
            _ = try await pool.query(Self.add, [0], on: loop)
            let outcomes = await concurrently(4, on: loop) { _ -> Bool in
                do {
                    for _ in 0..<5 {
                        try await pool.transaction(isolation: .repeatableRead, on: loop) {
                            transaction in
                            let x = try await transaction.query(
                                Statement("get", "SELECT x FROM t"), on: loop)[0].integer(0)
                            _ = try await transaction.query(
                                Statement("set", "UPDATE t SET x = $1"), [.integer(x + 1)], on: loop
                            )
                        }
                    }
                    return true
                } catch let error as PostgresError {
                    return error.sqlState == "40001"
                } catch {
                    return false
                }
            }
            #expect(outcomes.allSatisfy { $0 })
        }
    }

    /// Each of two holds a row that the other wants next; the server ends one of them.
    @Test(arguments: backends) func aDeadlockIsResolvedByAnotherTry(
        _ backend: EventLoop.Backend
    ) throws {
        try Self.withTable(backend) { pool, loop in
            for value in [1, 2] as [Int64] {
                _ = try await pool.query(Self.add, [.integer(value)], on: loop)
            }
            let lock = Statement("lock", "SELECT x FROM t WHERE x = $1 FOR UPDATE")
            var holding: Set<Int> = []
            var runs = 0
            let outcomes = await concurrently(2, on: loop) { index -> Bool in
                do {
                    try await pool.transaction(on: loop) { transaction in
                        runs += 1
                        let own = Int64(index + 1)
                        _ = try await transaction.query(lock, [.integer(own)], on: loop)
                        holding.insert(index)
                        while holding.count < 2 { await loop.sleep(for: .milliseconds(1)) }
                        _ = try await transaction.query(lock, [.integer(3 - own)], on: loop)
                    }
                    return true
                } catch {
                    return false
                }
            }
            #expect(outcomes == [true, true])
            #expect(runs > 2)
            #expect(pool.statistics.transactionRetryCount >= 1)
        }
    }

    @Test func retriesAreBoundedAndRunTheWholeBody() throws {
        try Self.withTable(.epoll) { pool, loop in
            var runs = 0
            let error = await postgresError(on: loop) {
                try await pool.transaction(on: loop) { transaction in
                    runs += 1
                    _ = try await transaction.query(Self.add, [1], on: loop)
                    try await transaction.execute(
                        script: "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", on: loop)
                }
            }
            #expect(error?.isRetryable == true)
            #expect(runs == 6)
            #expect(pool.statistics.transactionRetryCount == 5)
            runs = 0
            try await pool.transaction(on: loop) { transaction in
                runs += 1
                if runs < 3 {
                    try await transaction.execute(
                        script: "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", on: loop)
                }
                _ = try await transaction.query(Self.add, [1], on: loop)
            }
            #expect(runs == 3)
            #expect(try await pool.query(Self.count, on: loop)[0].integer(0) == 1)
        }
    }

    @Test func aRetryIsMadeThoughTheBodyWrapsTheError() throws {
        try Self.withTable(.epoll) { pool, loop in
            var runs = 0
            try await pool.transaction(on: loop) { transaction in
                runs += 1
                guard runs == 1 else { return }
                do {
                    try await transaction.execute(
                        script: "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$", on: loop)
                } catch {
                    throw Stop()
                }
            }
            #expect(runs == 2)
        }
    }

    @Test func scriptsInTransactionsAreUndoneWithThem() throws {
        try Self.withTable(.epoll) { pool, loop in
            await #expect(throws: Stop.self) {
                try await pool.transaction(on: loop) { transaction in
                    try await transaction.execute(
                        script: "CREATE TABLE a (x int); CREATE TABLE b (x int)", on: loop)
                    throw Stop()
                }
            }
            let last = try await pool.text("SELECT to_regclass('a')::text", on: loop)
            #expect(last == nil)
        }
    }

    @Test func isolationLevelsAreTheServers() throws {
        try withPool(.epoll) { pool, loop in
            for (level, name) in [
                (TransactionIsolation.readCommitted, "read committed"),
                (.repeatableRead, "repeatable read"), (.serializable, "serializable"),
            ] {
                let shown = try await pool.transaction(isolation: level, on: loop) { transaction in
                    try await transaction.query(
                        Statement("level", "SHOW transaction_isolation"), on: loop)[0].text(0)
                }
                #expect(shown == name)
            }
        }
    }

    @Test func aTransactionEndsWithItsBody() throws {
        try Self.withTable(.epoll) { pool, loop in
            var kept: PostgresConnection?
            try await pool.transaction(on: loop) { transaction in
                _ = try await transaction.query(Self.add, [1], on: loop)
                kept = transaction
            }
            let error = await postgresError(on: loop) {
                _ = try await kept?.query(Self.add, [2], on: loop)
            }
            #expect(error?.code == .misuse)
        }
    }

    @Test(arguments: backends)
    func moreTransactionsThanConnectionsTakeTurns(_ backend: EventLoop.Backend) throws {
        try Self.withTable(backend, poolMax: 2) { pool, loop in
            let done = await concurrently(50, on: loop) { index in
                let result: Void? = try? await pool.transaction(on: loop) { transaction in
                    _ = try await transaction.query(Self.add, [.integer(Int64(index))], on: loop)
                    #expect(pool.statistics.pinned <= 2)
                }
                return result != nil
            }
            #expect(done.allSatisfy { $0 })
            let last = try await pool.query(Self.count, on: loop)[0].integer(0)
            #expect(last == 50)
            #expect(pool.statistics.connectCount <= 2)
        }
    }
}

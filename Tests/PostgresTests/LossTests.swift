import Postgres
import PostgresCluster
import Reactor
import TestSupport
import Testing

@Suite struct LossTests {
    static let add = Statement("add", "INSERT INTO t VALUES ($1)")

    final class Progress {
        var isOver = false
        var kills = 0
    }

    /// Backends are killed again and again under load. Every request is answered, nothing that was
    /// acknowledged is missing, nothing happened twice, and the pool is whole afterwards.
    @Test(arguments: backends) func killingUnderLoadLosesNoAnswer(
        _ backend: EventLoop.Backend
    ) throws {
        // A database of its own, as it kills whoever is connected to it.
        let (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
        try withPool(backend, on: cluster, database: database) { pool, loop in
            try await pool.execute(script: "CREATE TABLE t (x bigint)", on: loop)
            let progress = Progress()
            let killer = loop.spawn {
                _ = loop
                while !progress.isOver {
                    let killed = try? await pool.query(
                        Statement(
                            "kill",
                            """
                            SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                            WHERE datname = current_database() AND pid <> pg_backend_pid()
                            """), on: loop)[0].integer(0)
                    progress.kills += Int(killed ?? 0)
                    await loop.sleep(for: .milliseconds(3))
                }
            }
            var isAdded: [Int64: Bool] = [:]
            var others: [PostgresError] = []
            // Until the test has tested something, however slow or fast the machine.
            while progress.kills < 15 {
                let first = Int64(isAdded.count)
                let round = await concurrently(100, on: loop) { index -> PostgresError? in
                    let value = PostgresValue.integer(first + Int64(index))
                    do {
                        if index % 4 == 0 {
                            try await pool.transaction(on: loop) { transaction in
                                _ = try await transaction.query(Self.add, [value], on: loop)
                            }
                        } else {
                            _ = try await pool.query(Self.add, [value], on: loop)
                        }
                        return nil
                    } catch {
                        return error as? PostgresError ?? nil
                    }
                }
                for (index, error) in round.enumerated() {
                    isAdded[first + Int64(index)] = error == nil
                    if let error, error.code != .connectionLost { others.append(error) }
                }
            }
            progress.isOver = true
            await killer.value
            #expect(others == [])
            let rows = try await pool.query(
                Statement(unprepared: "SELECT x, count(*) FROM t GROUP BY x"), on: loop)
            var found: Set<Int64> = []
            for row in rows {
                #expect(try row.integer(1) == 1)
                found.insert(try row.integer(0))
            }
            for (value, wasAdded) in isAdded where wasAdded { #expect(found.contains(value)) }
            let statistics = pool.statistics
            #expect(statistics.pinned == 0)
            #expect(statistics.waiting == 0)
            #expect(statistics.underWay == 0)
        }
    }

    @Test(arguments: backends)
    func closingUnderLoadAnswersEverybody(_ backend: EventLoop.Backend) throws {
        for pause in [0, 1, 3] {
            try withPool(backend) { pool, loop in
                let load = loop.spawn {
                    _ = loop
                    return await concurrently(200, on: loop) { index -> PostgresError.Code? in
                        do {
                            if index % 3 == 0 {
                                try await pool.transaction(on: loop) { transaction in
                                    for _ in 0..<10 {
                                        _ = try await transaction.query(
                                            Statement("one", "SELECT 1"), on: loop)
                                    }
                                }
                            } else {
                                for _ in 0..<10 {
                                    _ = try await pool.query(
                                        Statement("two", "SELECT 2"), on: loop)
                                }
                            }
                            return nil
                        } catch {
                            return (error as? PostgresError)?.code
                        }
                    }
                }
                await loop.sleep(for: .milliseconds(pause))
                await pool.close(grace: .milliseconds(pause), on: loop)
                let codes = await load.value
                #expect(codes.count == 200)
                #expect(
                    codes.allSatisfy { $0 == nil || $0 == .poolClosed || $0 == .connectionLost })
                #expect(loop.resourceCount == 0)
            }
        }
    }
}

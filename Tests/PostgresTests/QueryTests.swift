import Postgres
import PostgresCluster
import Reactor
import TestSupport
import Testing

@Suite struct QueryTests {
    static let echo = Statement("echo", "SELECT $1::bigint")
    static let divide = Statement("divide", "SELECT 1 / $1::int")

    @Test(arguments: backends)
    func anErrorInThePipelineFailsOnlyItsOwnQuery(_ backend: EventLoop.Backend) throws {
        try withPool(backend) {
            $0.poolMax = 1
        } _: { pool, loop in
            let results = await concurrently(300, on: loop) { index -> Int64? in
                if index % 7 == 3 {
                    let error = await postgresError(on: loop) {
                        _ = try await pool.query(Self.divide, [0], on: loop)
                    }
                    #expect(error?.sqlState == "22012")
                    #expect(error?.statement == "divide")
                    return nil
                }
                return try? await pool.query(
                    Self.echo, [.integer(Int64(index))], on: loop)[0].integer(0)
            }
            for (index, result) in results.enumerated() {
                #expect(result == (index % 7 == 3 ? nil : Int64(index)))
            }
            #expect(pool.statistics.connectCount == 1)
        }
    }

    @Test(arguments: backends)
    func aThousandQueriesShareFourConnections(_ backend: EventLoop.Backend) throws {
        try withPool(backend) { configuration in
            configuration.poolMin = 4
            configuration.pipelineDepthMax = 32
        } _: { pool, loop in
            let results = await concurrently(1000, on: loop) { index in
                try? await pool.query(Self.echo, [.integer(Int64(index))], on: loop)[0].integer(0)
            }
            #expect(results == (0..<1000).map(Int64.init))
            #expect(pool.statistics.connectCount == 4)
            #expect(pool.statistics.requestCount == 1000)
            #expect(pool.statistics.errorCount == 0)
            #expect(pool.statistics.waiting == 0)
        }
    }

    @Test(arguments: backends) func bigResultsArrive(_ backend: EventLoop.Backend) throws {
        try withPool(backend) { pool, loop in
            let rows = try await pool.query(
                Statement(
                    "big", "SELECT n, repeat('x', 100), n * 2 FROM generate_series(1, 100000) n"),
                on: loop)
            #expect(rows.count == 100_000)
            var sum: Int64 = 0
            for row in rows { sum += try row.integer(2) - row.integer(0) }
            #expect(sum == 5_000_050_000)
            #expect(try rows[77_777].text(1).utf8.count == 100)
        }
    }

    @Test(arguments: backends) func bigParametersArrive(_ backend: EventLoop.Backend) throws {
        try withPool(backend) { pool, loop in
            // More than any socket buffer: the write goes on when the socket takes more.
            let bytes = [UInt8](repeating: 0x2a, count: 20 << 20)
            let lengths = await concurrently(3, on: loop) { _ in
                try? await pool.query(
                    Statement("length", "SELECT length($1::bytea)"), [.bytes(bytes)], on: loop)[0]
                    .integer(0)
            }
            #expect(lengths == Array(repeating: 20 << 20, count: 3))
        }
    }

    @Test func badStatementsGiveTheServersWords() throws {
        try withPool(.epoll) { pool, loop in
            let syntax = await postgresError(on: loop) {
                _ = try await pool.query(Statement("broken", "SELEC 1"), on: loop)
            }
            #expect(syntax?.code == .server)
            #expect(syntax?.sqlState == "42601")
            #expect(syntax?.statement == "broken")
            #expect(syntax?.message.contains("SELEC") == true)
            #expect(syntax?.description.contains("42601") == true)
            // The same again: it was not prepared and is not taken to be.
            let again = await postgresError(on: loop) {
                _ = try await pool.query(Statement("broken", "SELEC 1"), on: loop)
            }
            #expect(again?.sqlState == "42601")
            let count = await postgresError(on: loop) {
                _ = try await pool.query(Self.echo, [1, 2], on: loop)
            }
            #expect(count?.code == .server)
            #expect(try await pool.query(Self.echo, [1], on: loop)[0].integer(0) == 1)

            try await pool.execute(
                script: "CREATE TABLE u (k int PRIMARY KEY); INSERT INTO u VALUES (1)", on: loop)
            let unique = await postgresError(on: loop) {
                _ = try await pool.query(Statement("u", "INSERT INTO u VALUES ($1)"), [1], on: loop)
            }
            #expect(unique?.isUniqueViolation == true)
            #expect(unique?.constraint == "u_pkey")
            #expect(unique?.detail?.contains("already exists") == true)
        }
    }

    @Test func aNameStandsForOneStatement() throws {
        try withPool(.epoll) {
            $0.poolMax = 1
        } _: { pool, loop in
            _ = try await pool.query(Statement("name", "SELECT 1"), on: loop)
            let error = await postgresError(on: loop) {
                _ = try await pool.query(Statement("name", "SELECT 2"), on: loop)
            }
            #expect(error?.code == .misuse)
        }
    }

    @Test func statementsArePreparedOncePerConnection() throws {
        try withPool(.epoll) {
            $0.poolMax = 1
        } _: { pool, loop in
            _ = await concurrently(10, on: loop) { _ in
                try? await pool.query(Self.echo, [1], on: loop).count
            }
            let count = try await pool.integer(
                "SELECT count(*) FROM pg_prepared_statements", on: loop)
            #expect(count == 1)
        }
    }

    @Test(arguments: backends)
    func forgottenAndOutdatedStatementsArePreparedAnew(_ backend: EventLoop.Backend) throws {
        try withPool(backend) {
            $0.poolMax = 1
        } _: { pool, loop in
            let all = Statement("all", "SELECT * FROM t")
            try await pool.execute(
                script: "CREATE TABLE t (a int); INSERT INTO t VALUES (1)", on: loop)
            #expect(try await pool.query(all, on: loop).columnCount == 1)
            // The result has another shape now, which the server refuses for the old plan.
            try await pool.execute(script: "ALTER TABLE t ADD COLUMN b text", on: loop)
            #expect(try await pool.query(all, on: loop).columnCount == 2)
            try await pool.execute(script: "DEALLOCATE ALL", on: loop)
            let counts = await concurrently(5, on: loop) { _ in
                try? await pool.query(all, on: loop).columnCount
            }
            #expect(counts == [2, 2, 2, 2, 2])
            #expect(pool.statistics.errorCount == 0)
        }
    }

    @Test(arguments: backends) func manyStatementsTakeOneRoundTrip(
        _ backend: EventLoop.Backend
    ) throws {
        try withPool(backend) {
            $0.poolMax = 1
        } _: { pool, loop in
            try await pool.execute(script: "CREATE TABLE t (x bigint)", on: loop)
            let insert = Statement("insert", "INSERT INTO t VALUES ($1)")
            let sum = Statement("sum", "SELECT sum(x) FROM t")
            let results = try await pool.queryAll(
                [(insert, [1]), (insert, [2]), (sum, []), (Self.echo, [9])], on: loop)
            #expect(results.map(\.affectedCount) == [1, 1, 1, 1])
            #expect(try results[2][0].integer(0) == 3)
            #expect(try results[3][0].integer(0) == 9)
            #expect(try await pool.queryAll([], on: loop).isEmpty)

            // All or nothing, and the connection goes on.
            let error = await postgresError(on: loop) {
                _ = try await pool.queryAll(
                    [(insert, [10]), (Self.divide, [0]), (Statement("new", "SELECT 1"), [])],
                    on: loop)
            }
            #expect(error?.sqlState == "22012")
            #expect(try await pool.query(sum, on: loop)[0].integer(0) == 3)
            #expect(try await pool.query(Statement("new", "SELECT 1"), on: loop)[0].integer(0) == 1)
        }
    }

    @Test(arguments: backends) func scriptsRunBetweenQueries(_ backend: EventLoop.Backend) throws {
        try withPool(backend) {
            $0.poolMax = 1
        } _: { pool, loop in
            let results = await concurrently(30, on: loop) { index -> Bool in
                do {
                    if index % 10 == 5 {
                        try await pool.execute(
                            script:
                                "CREATE TABLE t\(index) (x int); INSERT INTO t\(index) VALUES (1)",
                            on: loop)
                        return true
                    }
                    return try await pool.query(Self.echo, [1], on: loop).count == 1
                } catch {
                    return false
                }
            }
            #expect(results.allSatisfy { $0 })
            let error = await postgresError(on: loop) {
                try await pool.execute(
                    script: "CREATE TABLE gone (x int); SELECT 1/0; CREATE TABLE late ()", on: loop)
            }
            #expect(error?.sqlState == "22012")
            #expect(try await pool.text("SELECT to_regclass('gone')::text", on: loop) == nil)
            // A script must not leave its transaction to others.
            try await pool.execute(script: "BEGIN; CREATE TABLE open (x int)", on: loop)
            #expect(try await pool.text("SELECT to_regclass('open')::text", on: loop) == nil)
            let copy = await postgresError(on: loop) {
                try await pool.execute(script: "COPY t5 FROM STDIN", on: loop)
            }
            #expect(copy?.code == .connectionLost)
            #expect(try await pool.query(Self.echo, [5], on: loop)[0].integer(0) == 5)
        }
    }

    @Test func noticesGoToTheHook() throws {
        try withPool(.epoll) { pool, loop in
            var notices: [PostgresNotice] = []
            pool.noticed = { notices.append($0) }
            try await pool.execute(
                script: "DO $$ BEGIN RAISE WARNING 'look here'; END $$", on: loop)
            #expect(notices.map(\.message) == ["look here"])
            #expect(notices.first?.severity == "WARNING")
        }
    }

    @Test func aStatementHasATimeLimit() throws {
        try withPool(.epoll) { configuration in
            configuration.statementTimeout = .milliseconds(50)
            configuration.libpqOptions["options"] = "-c work_mem=7MB"
        } _: { pool, loop in
            let error = await postgresError(on: loop) {
                _ = try await pool.query(Statement("slow", "SELECT pg_sleep(60)"), on: loop)
            }
            #expect(error?.code == .timeout)
            let memory = try await pool.text("SHOW work_mem", on: loop)
            let name = try await pool.text("SHOW application_name", on: loop)
            #expect(memory == "7MB")
            #expect(name == "beamline")
        }
    }
}

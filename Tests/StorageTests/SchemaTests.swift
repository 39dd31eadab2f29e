import Postgres
import PostgresCluster
import Reactor
import Testing

@testable import Storage

@Suite struct SchemaTests {
    @Test func aNewDatabaseGetsAllTablesOnce() throws {
        try withEmptyDatabase { pool, loop in
            try await Schema.migrate(pool, on: loop)
            try await Schema.migrate(pool, on: loop)
            try await Schema.check(pool, on: loop)
            let steps = try await pool.number(
                "SELECT count(*) FROM applied_schema_deltas", on: loop)
            #expect(steps == Int64(Schema.steps.count))
            let version = try await pool.number("SELECT version FROM schema_version", on: loop)
            #expect(version == 94)
        }
    }

    @Test func twoMainProcessesThatStartAtOnceDoNotMeet() throws {
        try withEmptyDatabase { pool, loop in
            let first = loop.spawn {
                await Self.failure { try await Schema.migrate(pool, on: loop) }
            }
            let second = loop.spawn {
                await Self.failure { try await Schema.migrate(pool, on: loop) }
            }
            #expect(await first.value == nil)
            #expect(await second.value == nil)
        }
    }

    @Test func workersRefuseAnEmptyDatabase() throws {
        try withEmptyDatabase { pool, loop in
            let failure = await Self.failure { try await Schema.check(pool, on: loop) }
            #expect(failure?.contains("is empty") == true)
        }
    }

    @Test func everybodyRefusesADatabaseFromTheFuture() throws {
        try withDatabase { pool, loop in
            _ = try await pool.table(
                "UPDATE schema_compat_version SET compat_version = 200", on: loop)
            let worker = await Self.failure { try await Schema.check(pool, on: loop) }
            #expect(worker?.contains("newer version") == true)
            let main = await Self.failure { try await Schema.migrate(pool, on: loop) }
            #expect(main?.contains("newer version") == true)
        }
    }

    @Test func everybodyRefusesUnknownStepsOfOurs() throws {
        try withDatabase { pool, loop in
            _ = try await pool.table(
                "INSERT INTO applied_schema_deltas VALUES (94, 'beamline/999_new.sql')", on: loop)
            let failure = await Self.failure { try await Schema.check(pool, on: loop) }
            #expect(failure?.contains("beamline/999_new.sql") == true)
        }
    }

    @Test func aDatabaseWithAnotherCollationIsRefused() throws {
        let (cluster, name) = try PostgresCluster.sharedWithNewDatabase()
        try cluster.execute(
            """
            CREATE DATABASE \(name)_utf8 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'
            TEMPLATE template0
            """, database: "postgres")
        let loop = try EventLoop()
        let box = Box<String?>()
        loop.submit { loop in
            let pool = PostgresPool(
                PostgresConfiguration(
                    host: cluster.socketFolder, port: cluster.port,
                    user: PostgresCluster.superuser, database: "\(name)_utf8"), on: loop)
            box.set(
                await Self.failure {
                    try await pool.start(on: loop)
                    try await Schema.migrate(pool, on: loop)
                })
            await pool.close(on: loop)
            loop.stop()
        }
        loop.run()
        #expect(box.value??.contains("LC_COLLATE 'C'") == true)
    }

    private static func failure(
        _ body: () async throws -> Void
    ) async -> String? {
        do {
            try await body()
            return nil
        } catch {
            return "\(error)"
        }
    }
}

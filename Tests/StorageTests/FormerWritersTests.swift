import Postgres
import PostgresCluster
import Reactor
import Testing

@testable import Storage

@Suite("Sessions that a dead main process left behind")
struct FormerWritersTests {
    private static let slowly = Statement("former_slowly", "SELECT pg_sleep($1::float8)")
    private static let wait = Statement("former_wait", "SELECT pg_advisory_lock($1::bigint)")

    /// Pools on one empty database.
    private final class Pools {
        private let cluster: PostgresCluster
        private let database: String
        private var all: [PostgresPool] = []

        init(_ cluster: PostgresCluster, _ database: String) {
            self.cluster = cluster
            self.database = database
        }

        /// A pool that calls itself by a name.
        func make(_ name: String, on loop: isolated EventLoop) async throws -> PostgresPool {
            let pool = PostgresPool(
                PostgresConfiguration(
                    host: cluster.socketFolder, port: cluster.port,
                    user: PostgresCluster.superuser, database: database, applicationName: name,
                    poolMax: 2), on: loop)
            all.append(pool)
            try await pool.start(on: loop)
            return pool
        }

        func close(on loop: isolated EventLoop) async {
            for pool in all { await pool.close(grace: .zero, on: loop) }
        }
    }

    /// Runs `body` on a loop that the calling thread drives.
    private func withPools(
        _ body: @escaping @Sendable (Pools, isolated EventLoop) async throws -> Void
    ) throws {
        let (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
        let loop = try EventLoop()
        let box = Box<Result<Void, any Error>>()
        loop.submit { loop in
            let pools = Pools(cluster, database)
            do {
                try await body(pools, loop)
                box.set(.success(()))
            } catch {
                box.set(.failure(error))
            }
            await pools.close(on: loop)
            loop.stop()
        }
        loop.run()
        try #require(box.value).get()
    }

    @Test("nobody is waited for where nobody is at work")
    func nobody() throws {
        try withPools { pools, loop in
            let pool = try await pools.make("main", on: loop)
            _ = try await pools.make("main", on: loop)
            let other = try await pools.make("other", on: loop)
            let busy = loop.spawn {
                _ = try? await other.query(Self.slowly, [.double(30)], on: loop)
            }
            // Sessions that are idle, or of somebody else, do not count.
            let isQuiet = try await FormerWriters.haveFinished(
                "main", within: .seconds(20), in: pool, on: loop)
            #expect(isQuiet)
            await other.close(grace: .zero, on: loop)
            await busy.value
        }
    }

    @Test("who is at work is waited for, until the end of the work or of patience")
    func somebody() throws {
        try withPools { pools, loop in
            let pool = try await pools.make("main", on: loop)
            let holder = try await pools.make("holder", on: loop)
            let former = try await pools.make("main", on: loop)
            // The holder's lock keeps the former main at work for as long as the test likes.
            _ = try await holder.query(Self.wait, [.integer(1)], on: loop)
            let work = loop.spawn {
                _ = try? await former.query(Self.wait, [.integer(1)], on: loop)
            }
            let blocked = Statement(
                "former_blocked",
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            while try await pool.query(blocked, on: loop).firstInteger ?? 0 == 0 {}
            let gaveUp = try await !FormerWriters.haveFinished(
                "main", within: .milliseconds(50), in: pool, on: loop)
            #expect(gaveUp)
            var finished: Bool?
            let waiting = loop.spawn {
                finished = try? await FormerWriters.haveFinished(
                    "main", within: .seconds(60), in: pool, on: loop)
            }
            await loop.sleep(for: .milliseconds(60))
            #expect(finished == nil)
            await holder.close(grace: .zero, on: loop)
            await waiting.value
            #expect(finished == true)
            await work.value
        }
    }
}

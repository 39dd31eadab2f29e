import Postgres
import PostgresCluster
import Reactor
import TestSupport
import Testing

@Suite struct PoolTests {
    static let echo = Statement("echo", "SELECT $1::bigint")
    static let backend = Statement("pid", "SELECT pg_backend_pid()")

    @Test func wrongParametersAreToldAtTheStart() throws {
        let cluster = try PostgresCluster.shared()
        let right = configuration(for: cluster, database: "postgres")
        var wrong: [(PostgresConfiguration, String)] = []
        var one = right
        one.database = "no_such_database"
        wrong.append((one, "no_such_database"))
        one = right
        one.host = "/no/such/folder"
        wrong.append((one, "/no/such/folder"))
        one = right
        one.host = "127.0.0.1"
        one.port = 1
        wrong.append((one, "127.0.0.1"))
        one = right
        one.libpqOptions["sslmode"] = "nonsense"
        wrong.append((one, "sslmode"))
        one = right
        one.libpqOptions["no_such_option"] = "x"
        wrong.append((one, "no_such_option"))
        for (configuration, words) in wrong {
            try onLoop(.epoll) { loop in
                let pool = PostgresPool(configuration, on: loop)
                let error = await postgresError(on: loop) { try await pool.start(on: loop) }
                #expect(error?.code == .connectFailed)
                #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
                let closed = await postgresError(on: loop) {
                    _ = try await pool.query(Self.echo, [1], on: loop)
                }
                #expect(closed?.code == .poolClosed)
                await pool.close(on: loop)
                #expect(loop.resourceCount == 0)
            }
        }
    }

    @Test func aServerThatSaysNothingRunsIntoTheConnectTimeout() throws {
        try onLoop(.epoll) { loop in
            final class Silent: ChannelHandler {
                func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop)
                {
                }
            }
            let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
            let listener = try loop.listen(on: address) { _ in Silent() }
            guard case .ipv4(_, let port) = listener.localAddress else { return }
            let pool = PostgresPool(
                PostgresConfiguration(
                    host: "localhost", port: port, libpqOptions: ["gssencmode": "disable"],
                    connectTimeout: .milliseconds(50)), on: loop)
            let error = await postgresError(on: loop) { try await pool.start(on: loop) }
            #expect(error?.message.contains("timeout") == true)
            listener.close(on: loop)
        }
    }

    @Test(arguments: backends) func aHostNameIsResolved(_ backend: EventLoop.Backend) throws {
        var options = PostgresCluster.Options.disposable
        options.port = try onLoop(backend) { loop in
            final class Nobody: ChannelHandler {
                func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop)
                {
                }
            }
            let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
            let listener = try loop.listen(on: address) { _ in Nobody() }
            defer { listener.close(on: loop) }
            guard case .ipv4(_, let port) = listener.localAddress else { return nil }
            return port
        }
        let cluster = try PostgresCluster(temporary: options)
        try withPool(backend, on: cluster, database: "postgres") { configuration in
            configuration.host = "localhost"
            configuration.poolMin = 2
        } _: { pool, loop in
            let address = try await pool.text("SELECT host(inet_server_addr())", on: loop)
            #expect(address == "127.0.0.1")
        }
    }

    @Test(arguments: backends) func closingResumesWhoWaits(_ backend: EventLoop.Backend) throws {
        try withPool(backend) {
            $0.poolMax = 1
        } _: { pool, loop in
            // The holder has the only connection; the others wait for it.
            var isHeld = false
            var isClosing = false
            var codes: [PostgresError.Code] = []
            let holder = loop.spawn {
                _ = loop
                return try? await pool.transaction(on: loop) { transaction in
                    _ = try await transaction.query(Self.echo, [1], on: loop)
                    isHeld = true
                    while !isClosing { await loop.sleep(for: .milliseconds(1)) }
                    return try await transaction.query(Self.echo, [2], on: loop)[0].integer(0)
                }
            }
            while !isHeld { await loop.sleep(for: .milliseconds(1)) }
            let waiters = loop.spawn {
                _ = loop
                return await concurrently(20, on: loop) { index -> PostgresError.Code? in
                    let error = await postgresError(on: loop) {
                        if index % 2 == 0 {
                            _ = try await pool.query(Self.echo, [1], on: loop)
                        } else {
                            try await pool.transaction(on: loop) { _ in }
                        }
                    }
                    return error?.code
                }
            }
            while pool.statistics.waiting < 20 { await loop.sleep(for: .milliseconds(1)) }
            isClosing = true
            await pool.close(on: loop)
            // What was under way was allowed to finish.
            #expect(await holder.value == 2)
            codes = await waiters.value.compactMap { $0 }
            #expect(codes == Array(repeating: .poolClosed, count: 20))
            await pool.close(on: loop)
        }
    }

    @Test(arguments: backends) func theGraceEnds(_ backend: EventLoop.Backend) throws {
        try withPool(backend) { pool, loop in
            let slow = loop.spawn {
                _ = loop
                let error = await postgresError(on: loop) {
                    _ = try await pool.query(Statement("slow", "SELECT pg_sleep(60)"), on: loop)
                }
                return error?.code
            }
            while pool.statistics.underWay == 0 { await loop.sleep(for: .milliseconds(1)) }
            await pool.close(grace: .milliseconds(20), on: loop)
            #expect(await slow.value == .poolClosed)
        }
    }

    @Test func theQueueIsBoundedInLengthAndTime() throws {
        try withPool(.epoll) { configuration in
            configuration.poolMax = 1
            configuration.waitersMax = 3
            configuration.acquireTimeout = .milliseconds(50)
        } _: { pool, loop in
            try await pool.transaction(on: loop) { transaction in
                let codes = await concurrently(5, on: loop) { _ in
                    await postgresError(on: loop) {
                        _ = try await pool.query(Self.echo, [1], on: loop)
                    }?.code
                }
                #expect(codes.count { $0 == .poolExhausted } == 2)
                #expect(codes.count { $0 == .timeout } == 3)
                #expect(pool.statistics.waiting == 0)
            }
            #expect(try await pool.query(Self.echo, [1], on: loop).count == 1)
        }
    }

    @Test(arguments: backends) func aKilledBackendIsReplaced(_ backend: EventLoop.Backend) throws {
        try withPool(backend) {
            $0.poolMax = 1
        } _: { pool, loop in
            let cluster = try PostgresCluster.shared()
            for _ in 0..<3 {
                let pid = try await pool.query(Self.backend, on: loop)[0].integer(0)
                // While idle: nobody notices. The call blocks the loop, so that the news waits unread.
                try cluster.execute("SELECT pg_terminate_backend(\(pid), 5000)")
                let next = try await pool.query(Self.backend, on: loop)[0].integer(0)
                #expect(next != pid)
                // While what may change something is under way: it fails, and is not repeated.
                let slow = loop.spawn {
                    _ = loop
                    return await postgresError(on: loop) {
                        let slow = "WITH x AS (SELECT pg_sleep(60)) SELECT * FROM x"
                        _ = try await pool.query(Statement("slow", slow), on: loop)
                    }
                }
                while pool.statistics.underWay == 0 { await loop.sleep(for: .milliseconds(1)) }
                try cluster.execute("SELECT pg_terminate_backend(\(next), 5000)")
                let error = await slow.value
                #expect(error?.code == .connectionLost)
                #expect(error?.sqlState == "57P01")
                // While something is read: another connection reads it.
                let third = try await pool.query(Self.backend, on: loop)[0].integer(0)
                let reading = loop.spawn {
                    _ = loop
                    // Only where it will be ended does it take long.
                    let read = Statement(
                        "read",
                        """
                        SELECT pg_backend_pid(),
                            pg_sleep(CASE WHEN pg_backend_pid() = $1::bigint THEN 60 ELSE 0 END)
                        """)
                    return try? await pool.query(read, [.integer(third)], on: loop)[0].integer(0)
                }
                while pool.statistics.underWay == 0 { await loop.sleep(for: .milliseconds(1)) }
                try cluster.execute("SELECT pg_terminate_backend(\(third), 5000)")
                let reader = await reading.value
                #expect(reader != nil && reader != third)
                // In a transaction: it fails as a whole.
                let inside = await postgresError(on: loop) {
                    try await pool.transaction(on: loop) { transaction in
                        let own = try await transaction.query(Self.backend, on: loop)[0].integer(0)
                        try cluster.execute("SELECT pg_terminate_backend(\(own), 5000)")
                        _ = try await transaction.query(Self.echo, [1], on: loop)
                    }
                }
                #expect(inside?.code == .connectionLost)
                #expect(try await pool.query(Self.echo, [7], on: loop)[0].integer(0) == 7)
            }
            #expect(pool.statistics.pinned == 0)
        }
    }

    @Test(arguments: backends) func theServersRestartIsSurvived(_ backend: EventLoop.Backend) throws
    {
        let cluster = try PostgresCluster()
        try withPool(backend, on: cluster, database: "postgres") {
            $0.poolMin = 3
        } _: {
            pool, loop in
            #expect(try await pool.query(Self.echo, [1], on: loop)[0].integer(0) == 1)
            try cluster.stop()
            try cluster.start()
            // The idle connections are dead, and nobody has been told.
            let values = await concurrently(20, on: loop) { index in
                try? await pool.query(Self.echo, [.integer(Int64(index))], on: loop)[0].integer(0)
            }
            #expect(values == (0..<20).map(Int64.init))
            // While it is down, requests wait.
            try cluster.stop()
            let waiting = loop.spawn {
                _ = loop
                return try? await pool.query(Self.echo, [5], on: loop)[0].integer(0)
            }
            while pool.statistics.connectFailureCount == 0 {
                await loop.sleep(for: .milliseconds(1))
            }
            try cluster.start()
            #expect(await waiting.value == 5)
            #expect(pool.statistics.lossCount >= 3)
        }
    }

    @Test func thePoolGrowsUnderLoadUpToItsLimit() throws {
        try withPool(.epoll) {
            $0.poolMax = 3
        } _: { pool, loop in
            #expect(pool.statistics.connections == 1)
            let pids = await concurrently(200, on: loop) { _ in
                try? await pool.query(
                    Statement("p", "SELECT pg_backend_pid() FROM pg_sleep(0.002)"), on: loop)[0]
                    .integer(0)
            }
            #expect(Set(pids).count <= 3)
            #expect(!pids.contains(nil))
            #expect(pool.statistics.connections <= 3)
        }
    }
}

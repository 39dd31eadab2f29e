import Bytes
import Glibc
import PostgresCluster
import Reactor
import ReactorTesting
import TestSupport
import Testing

@testable import Postgres

/// Names of hosts with several addresses, none of which libpq may look up itself.
@Suite struct HostTests {
    private func places(
        _ host: String, port: UInt16 = 5432, _ options: [String: String] = [:]
    ) -> [ServerPlace]? {
        PostgresConfiguration(host: host, port: port, libpqOptions: options).places()
    }

    private func keyword(
        _ name: String, _ configuration: PostgresConfiguration, _ places: [ServerPlace]
    ) -> String? {
        configuration.keywords(places).first { $0.keyword == name }?.value
    }

    @Test func listsAreTakenApartAsLibpqDoes() {
        #expect(places("a") == [ServerPlace(host: "a", port: "5432")])
        #expect(
            places("a, b,/run") == [
                ServerPlace(host: "a", port: "5432"), ServerPlace(host: "b", port: "5432"),
                ServerPlace(host: "/run", port: "5432"),
            ])
        #expect(
            places("a,b", ["port": "1,2"]) == [
                ServerPlace(host: "a", port: "1"), ServerPlace(host: "b", port: "2"),
            ])
        // libpq says what is wrong, or knows better.
        #expect(places("a,b", ["port": "1,2,3"]) == nil)
        #expect(places("a", ["hostaddr": "1.2.3.4"]) == nil)
        #expect(places("a", ["service": "x"]) == nil)
        #expect(places("a", ["host": "b"])?.map(\.host) == ["b"])
    }

    @Test func theEnvironmentIsHeardWhereNothingIsConfigured() async {
        await #expect(processExitsWith: .success) {
            setenv("PGHOST", "x,y", 1)
            let empty = PostgresConfiguration(host: "")
            #expect(empty.places()?.map(\.host) == ["x", "y"])
            #expect(PostgresConfiguration(host: "a").places()?.map(\.host) == ["a"])
            setenv("PGHOSTADDR", "127.0.0.1", 1)
            #expect(empty.places() == nil)
        }
    }

    @Test(arguments: [
        ("a", true), ("localhost", true), ("", false), ("/run", false), ("@abstract", false),
        ("127.0.0.1", false), ("::1", false), ("1.2.3", true),
    ])
    func namesAreTold(_ host: String, _ isName: Bool) {
        #expect(ServerPlace(host: host, port: "1").isName == isName)
    }

    @Test func aNameStaysBesideItsAddresses() {
        let configuration = PostgresConfiguration(host: "a", port: 7)
        let places = [
            ServerPlace(host: "a", address: "::1", port: "7"),
            ServerPlace(host: "a", address: "127.0.0.1", port: "7"),
            ServerPlace(host: "/run", port: "8"),
        ]
        #expect(keyword("host", configuration, places) == "a,a,/run")
        #expect(keyword("hostaddr", configuration, places) == "::1,127.0.0.1,")
        #expect(keyword("port", configuration, places) == "7,7,8")
        #expect(keyword("hostaddr", configuration, []) == nil)
        #expect(keyword("host", configuration, []) == "a")
    }

    @Test func timeIsShared() {
        let start = Instant(nanoseconds: 0)
        let places = ["1", "2", "3"].map { ServerPlace(host: "a", address: $0, port: "1") }
        var attempt = ConnectionAttempt(places: places[...], deadline: start + .seconds(9))
        #expect([attempt.reach("1"), attempt.reach("1")] == [true, false])
        #expect(attempt.share(at: start) == .seconds(3))
        // The first one refused at once.
        _ = attempt.reach("2")
        #expect(attempt.share(at: start + .seconds(1)) == .seconds(4))
        let hasThird = attempt.giveUp()
        #expect(hasThird)
        #expect(attempt.places == places[2...])
        _ = attempt.reach("3")
        #expect(attempt.share(at: start + .seconds(8)) == .seconds(1))
        #expect(attempt.share(at: start + .seconds(10)) == .zero)
        let hasFourth = attempt.giveUp()
        #expect(!hasFourth)
        var none = ConnectionAttempt(places: [], deadline: start + .seconds(2))
        #expect(none.share(at: start) == .seconds(2))
        let hasAny = none.giveUp()
        #expect(!hasAny)
    }

    @Test(arguments: backends)
    func addressesAreTriedInOrder(_ backend: EventLoop.Backend) throws {
        let cluster = try PostgresCluster.shared()
        try onLoop(backend, limit: .seconds(60)) { loop in
            let socket = "\(cluster.socketFolder)/.s.PGSQL.\(cluster.port)"
            let relay = try loop.listen(on: .ipv4(0x7f00_0003, port: 0)) { channel in
                Relay(channel, to: .unix(path: socket), on: loop)
            }
            let port = try #require(relay.localAddress.port)
            // It takes connections and says nothing.
            let silent = try loop.listen(on: .ipv4(0x7f00_0004, port: port)) { _ in Recorder() }
            let resolver = ScriptedResolver()
            let addresses: [UInt32] = [0x7f00_0002, 0x7f00_0004, 0x7f00_0003]
            resolver.answer("db.test", .ipv4, with: addresses.map { .ipv4($0, port: 0) })
            resolver.answer("db.test", .ipv6, with: [])
            loop.resolver = resolver
            var configuration = configuration(for: cluster, database: "postgres")
            configuration.host = "db.test"
            configuration.port = port
            configuration.connectTimeout = .seconds(6)
            configuration.poolMin = 1
            configuration.poolMax = 1
            let pool = PostgresPool(configuration, on: loop)
            try await pool.start(on: loop)
            #expect(try await pool.integer("SELECT 41 + 1", on: loop) == 42)
            #expect(silent.statistics.accepted == 1)
            #expect(relay.statistics.accepted == 1)
            #expect(resolver.asked.map(\.host) == ["db.test", "db.test"])
            await pool.close(on: loop)
            relay.close(on: loop)
            silent.close(on: loop)
        }
    }

    @Test(arguments: backends)
    func unknownNamesAreNotLeftToLibpq(_ backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            loop.resolver = ScriptedResolver()
            // A name that the system's resolver knows.
            let pool = PostgresPool(PostgresConfiguration(host: "localhost"), on: loop)
            let error = await postgresError(on: loop) { try await pool.start(on: loop) }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("localhost: unknown in the script") == true)
        }
    }
}

/// Hands everything on to another server, and back.
private final class Relay: ChannelHandler {
    private final class Back: ChannelHandler {
        let client: Channel
        init(_ client: Channel) { self.client = client }

        func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
            client.write(bytes, on: loop)
        }

        func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
            client.close(on: loop)
        }
    }

    private var server: Channel?
    private var early = ByteQueue()
    private var isClosed = false

    init(_ client: Channel, to address: SocketAddress, on loop: isolated EventLoop) {
        loop.spawn {
            let server = try? await loop.connect(to: address, timeout: .seconds(30)) { _ in
                Back(client)
            }
            guard let server, !self.isClosed else {
                server?.close(on: loop)
                return client.close(on: loop)
            }
            self.server = server
            server.write(self.early.readable, on: loop)
            self.early.removeAll()
        }
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        if let server { server.write(bytes, on: loop) } else { early.append(bytes) }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        isClosed = true
        server?.close(on: loop)
    }
}

import Configuration
import JSON
import Matrix
import Postgres
import PostgresCluster
import Reactor
import ReplicationWire
import Storage
import Synchronization
import Testing

@testable import Services

/// Runs `body` with the services of a main process on a new database, on a loop that the calling thread drives.
func withServices<Result: Sendable>(
    clock: WallClock = .system, settings: HomeserverSettings = .test,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (MainServices, isolated EventLoop) async throws -> Result
) throws -> Result {
    let (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
    let loop = try EventLoop()
    let box = Box<Swift.Result<Result, any Error>>()
    loop.submit { loop in
        let pool = PostgresPool(
            PostgresConfiguration(
                host: cluster.socketFolder, port: cluster.port, user: PostgresCluster.superuser,
                database: database, poolMax: 5), on: loop)
        do {
            try await pool.start(on: loop)
            try await Schema.migrate(pool, on: loop)
            let services = try await MainServices(
                settings: settings, pool: pool, clock: clock, on: loop)
            box.set(.success(try await body(services, loop)))
        } catch {
            box.set(.failure(error))
        }
        await pool.close(on: loop)
        loop.stop()
    }
    loop.run()
    return try #require(box.value, sourceLocation: sourceLocation).get()
}

extension HomeserverSettings {
    static var test: HomeserverSettings {
        var settings = HomeserverSettings(serverName: "test", signingKey: .generate())
        settings.bcryptRounds = 4
        settings.passwordPepper = "pepper"
        settings.isRegistrationEnabled = true
        settings.limits = .unlimited
        return settings
    }
}

/// Holds a value that one thread sets and another reads afterwards.
final class Box<Value: Sendable>: Sendable {
    private let storage = Mutex<Value?>(nil)
    var value: Value? { storage.withLock { $0 } }
    func set(_ value: Value) { storage.withLock { $0 = value } }
}

/// Notes what is announced.
final class Listener: StreamPublisher {
    var rows: [(stream: StreamName, token: Int64, row: ReplicationRow)] = []
    private var waiting: UnsafeContinuation<Void, Never>?
    private var wanted = 0

    func publish(
        _ stream: StreamName, token: Int64, rows: [ReplicationRow], on loop: isolated EventLoop
    ) {
        self.rows += rows.map { (stream, token, $0) }
        if self.rows.count >= wanted, let waiting {
            self.waiting = nil
            waiting.resume()
        }
    }

    /// Returns when so many rows have come.
    func wait(for count: Int, on loop: isolated EventLoop) async {
        guard rows.count < count else { return }
        wanted = count
        await withUnsafeContinuation(isolation: loop) { waiting = $0 }
    }
}

extension Accounts {
    /// Registers as a request over HTTP does.
    func register(
        _ body: JSON, on loop: isolated EventLoop
    ) async throws -> (userID: String, login: Login?) {
        try await register(
            InteractiveRequest(
                method: "POST", path: "/_matrix/client/v3/register", body: body,
                address: "10.0.0.1"), on: loop)
    }
}

extension MainServices {
    /// Makes an account and logs it in.
    func register(_ name: String, on loop: isolated EventLoop) async throws -> Person {
        let (_, login) = try await accounts.register(
            [
                "username": .string(name), "password": "secret",
                "auth": ["type": "m.login.dummy"],
            ], on: loop)
        let made = try #require(login)
        let owner = try await accounts.tokens.owner(of: made.accessToken, on: loop)
        return Person(owner: owner)
    }

    func send(
        _ text: String, to roomID: String, by person: Person, transaction: String? = nil,
        on loop: isolated EventLoop
    ) async throws -> String {
        try await rooms.send(
            type: "m.room.message", stateKey: nil,
            content: ["msgtype": "m.text", "body": .string(text)], to: roomID,
            sender: person.sender(transaction), on: loop)
    }

    /// The error code that something fails with.
    func code(_ body: () async throws -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch let error as MatrixError {
            return error.errorCode
        } catch {
            return "\(error)"
        }
    }
}

/// A user with a device.
struct Person: Sendable {
    let owner: AccessTokens.Owner

    var userID: String { owner.userID }

    func sender(_ transaction: String? = nil) -> EventSender {
        EventSender(
            userID: owner.userID, deviceID: owner.deviceID, tokenID: owner.tokenID,
            transactionID: transaction)
    }
}

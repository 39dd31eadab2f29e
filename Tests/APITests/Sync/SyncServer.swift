import Configuration
import HTTPServer
import JSON
import Matrix
import Postgres
import PostgresCluster
import Reactor
import Services
import Storage
import Testing

@testable import API

/// The main process's API with /sync beside it.
final class SyncServer: ClientServing, SyncServing {
    let client: ClientContext
    let sync: SyncContext

    init(client: ClientContext, sync: SyncContext) {
        self.client = client
        self.sync = sync
    }
}

/// Runs `body` with two clients, each with a connection of its own, of a server that has /sync.
func withSync(
    options: SyncOptions = SyncOptions(),
    _ body:
        @escaping @Sendable (Client, Client, SyncEngine, isolated EventLoop) async throws -> Void
) throws {
    let (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
    let loop = try EventLoop()
    let box = Box<Swift.Result<Void, any Error>>()
    loop.submit { loop in
        let pool = PostgresPool(
            PostgresConfiguration(
                host: cluster.socketFolder, port: cluster.port, user: PostgresCluster.superuser,
                database: database, poolMax: 4), on: loop)
        do {
            try await pool.start(on: loop)
            try await Schema.migrate(pool, on: loop)
            var settings = HomeserverSettings(serverName: "test", signingKey: .generate())
            settings.bcryptRounds = 4
            settings.isRegistrationEnabled = true
            settings.limits = .unlimited
            settings.allowsGuests = true
            let services = try await MainServices(settings: settings, pool: pool, on: loop)
            let engine = SyncEngine(
                pool: pool, position: try await .stored(in: pool, on: loop), options: options)
            services.streams.subscribe(engine, on: loop)
            var router = Router<SyncServer>()
            ClientRoutes.register(into: &router)
            SyncRoutes.register(into: &router)
            LegacySyncRoutes.register(into: &router)
            var serverOptions = HTTPServerOptions()
            serverOptions.cors = .matrix
            let context = SyncServer(
                client: ClientContext(services: services),
                sync: SyncContext(engine: engine, tokens: services.accounts.tokens, pool: pool))
            let server = HTTPServer(router: router, context: context, options: serverOptions)
            server.errorRenderer = ClientErrors.render
            let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
            let listener = try server.listen(on: address, loop)
            let first = Client(address: listener.localAddress)
            let second = Client(address: listener.localAddress)
            box.set(.success(try await body(first, second, engine, loop)))
            engine.shutDown(on: loop)
            await first.close(on: loop)
            await second.close(on: loop)
            await server.drain(timeout: .seconds(5), on: loop)
        } catch {
            box.set(.failure(error))
        }
        await pool.close(on: loop)
        loop.stop()
    }
    loop.run()
    try #require(box.value).get()
}

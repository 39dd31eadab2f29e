internal import API
internal import Configuration
internal import Logging
internal import Matrix
internal import Postgres
internal import Reactor
internal import Replication
internal import ReplicationWire
internal import Services
internal import Storage

/// The main process: it alone writes events, and it feeds the workers.
final class MainProcess: RoleProcess {
    private let environment: ProcessEnvironment
    private let front: HTTPFront<MainContext>
    private let replication: ReplicationServer
    private let workers: WorkerObserver
    private var engine: SyncEngine?

    init(_ environment: ProcessEnvironment) {
        self.environment = environment
        front = HTTPFront(environment, HTTPRequestMetrics(environment.metrics))
        let limits = environment.configuration.replicationLimits
        var options = ReplicationServer.Options(
            serverName: environment.configuration.server.name)
        options.connectionsMax = limits.connectionsMax
        options.queuedBytesMax = limits.pendingBytesMax
        options.lineBytesMax = limits.lineBytesMax
        options.timing = LinkTiming(
            pingInterval: limits.pingInterval, silenceMax: limits.idleTimeout)
        workers = WorkerObserver(log: environment.logger("replication"))
        replication = ReplicationServer(options: options, delegate: workers)
    }

    func start(on loop: isolated EventLoop) async throws {
        try await environment.pool.start(on: loop)
        try await Schema.migrate(environment.pool, on: loop)
        let services = try await MainServices(
            settings: try settings(), pool: environment.pool, on: loop)
        services.streams.subscribe(MainStreams(replication, services), on: loop)
        ReplicationMetrics.register(replication, in: environment.metrics, on: loop)
        workers.start(services)
        var options = SyncOptions()
        options.showsPresence = services.settings.isPresenceEnabled
        let engine = SyncEngine(
            pool: environment.pool, position: services.position, options: options)
        engine.activityDelegate = services.presence
        self.engine = engine
        SyncMetricsExport.register(engine, in: environment.metrics, on: loop)
        services.streams.subscribe(engine, on: loop)
        let context = MainContext(services, engine)
        try await front.listen(context: context, on: loop) { resource, router in
            guard resource == .client else { return }
            ClientRoutes.register(into: &router)
            SyncRoutes.register(into: &router)
        }
        try await listenForWorkers(on: loop)
    }

    func stop(on loop: isolated EventLoop) async {
        engine?.shutDown(on: loop)
        await front.drain(on: loop)
        await replication.shutDown(on: loop)
        await environment.pool.close(on: loop)
    }

    private func listenForWorkers(on loop: isolated EventLoop) async throws {
        for listener in environment.configuration.listeners where listener.kind == .replication {
            for address in listener.addresses {
                let bound = try await bind(address, at: listener, on: loop) { place in
                    try replication.listen(on: place, on: loop)
                }
                environment.log.info("Listening for workers on \(bound)")
                guard !bound.isLoopback else { continue }
                environment.log.warning(
                    """
                    The replication listener on \(bound) can be reached from other machines. It has no \
                    authentication and no encryption: keep it from the public internet.
                    """)
            }
        }
    }

    private func settings() throws -> HomeserverSettings {
        let configuration = environment.configuration
        let path = configuration.server.signingKeyPath
        guard let text = readText(path) else {
            throw StartFailure(
                description: "\(path): the signing key cannot be read; --generate-config makes one")
        }
        guard let key = SigningKey(file: text) else {
            throw StartFailure(
                description:
                    "\(path): is no signing key, expected a line `ed25519 <version> <seed>`")
        }
        return HomeserverSettings(configuration, signingKey: key)
    }
}

/// What the main process's endpoints work with.
final class MainContext: ClientServing, SyncServing {
    let client: ClientContext
    let sync: SyncContext

    init(_ services: MainServices, _ engine: SyncEngine) {
        client = ClientContext(services: services)
        sync = SyncContext(
            engine: engine, tokens: services.accounts.tokens, pool: services.pool,
            sightings: services.sightings)
    }
}

/// Why a process cannot start, in a sentence for its operator.
struct StartFailure: Error, CustomStringConvertible {
    var description: String
}

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
final class MainProcess: RoleProcess, WorkerRequests {
    private let environment: ProcessEnvironment
    private let front: HTTPFront<MainContext>
    private var options: ReplicationServer.Options
    private var replication: ReplicationServer?
    private var federation: FederationQueue?
    private var services: MainServices?
    private let workers: WorkerObserver
    private var engine: SyncEngine?

    init(_ environment: ProcessEnvironment) {
        self.environment = environment
        front = HTTPFront(environment, HTTPRequestMetrics(environment.metrics))
        let limits = environment.configuration.replicationLimits
        var options = ReplicationServer.Options(serverName: environment.configuration.server.name)
        options.dialect = Dialect(environment.configuration.replication.dialect)
        options.connectionsMax = limits.connectionsMax
        options.queuedBytesMax = limits.pendingBytesMax
        options.lineBytesMax = limits.lineBytesMax
        options.timing = LinkTiming(
            pingInterval: limits.pingInterval, silenceMax: limits.idleTimeout)
        self.options = options
        workers = WorkerObserver(log: environment.logger("replication"))
    }

    func start(on loop: isolated EventLoop) async throws {
        try await environment.pool.start(on: loop)
        try await Schema.migrate(environment.pool, on: loop)
        let name = environment.configuration.instanceName
        if !(try await FormerWriters.haveFinished(
            name, within: .seconds(10), in: environment.pool, on: loop))
        {
            environment.log.warning(
                """
                Another session named \(name) is at work in the database: is a second main process \
                running?
                """)
        }
        let services = try await MainServices(
            settings: try settings(), pool: environment.pool, on: loop)
        options.secret = try environment.replicationSecret()
        let replication = ReplicationServer(options: options, delegate: workers)
        self.replication = replication
        if !environment.configuration.duties.sendsFederation {
            federation = FederationQueue(replication)
        }
        self.services = services
        workers.requests = self
        services.streams.subscribe(MainStreams(replication, services), on: loop)
        ReplicationMetrics.register(replication, in: environment.metrics, on: loop)
        workers.start(services)
        var options = SyncOptions()
        options.showsPresence = services.settings.isPresenceEnabled
        options.slowThreshold = environment.configuration.slowSyncThreshold
        let engine = SyncEngine(
            pool: environment.pool, position: services.position, options: options)
        engine.activityDelegate = services.presence
        self.engine = engine
        environment.watch(engine, on: loop)
        services.streams.subscribe(engine, on: loop)
        let context = MainContext(services, engine)
        try await front.listen(context: context, on: loop) { resource, router in
            guard resource == .client else { return }
            ClientRoutes.register(into: &router)
            SyncRoutes.register(into: &router)
            LegacySyncRoutes.register(into: &router)
        }
        try await listenForWorkers(replication, on: loop)
    }

    func stop(on loop: isolated EventLoop) async {
        engine?.shutDown(on: loop)
        await front.drain(on: loop)
        await replication?.shutDown(on: loop)
        await environment.pool.close(on: loop)
    }

    /// Does what a worker asks for.
    func requested(
        _ command: ReplicationCommand, by peer: ReplicationPeer, on loop: isolated EventLoop
    ) {
        switch command {
        case .federationAck(let ack): federation?.acknowledge(upTo: ack.token, on: loop)
        case .invalidateCache(let stale):
            guard let services else { return }
            let log = environment.logger("replication")
            loop.spawn {
                do {
                    try await services.invalidateCache(stale.cache, keys: stale.keys, on: loop)
                } catch {
                    log.error("\(peer) could not have \(stale.cache) invalidated: \(error)")
                }
            }
        case .removePusher(let pusher):
            guard let services else { return }
            let log = environment.logger("replication")
            loop.spawn {
                do {
                    try await services.pushers.remove(
                        appID: pusher.appID, pushKey: pusher.pushKey, userID: pusher.userID,
                        on: loop)
                } catch {
                    log.error(
                        "\(peer) could not have a pusher of \(pusher.userID) removed: \(error)")
                }
            }
        default: break
        }
    }

    private func listenForWorkers(
        _ replication: ReplicationServer, on loop: isolated EventLoop
    ) async throws {
        for listener in environment.configuration.listeners where listener.kind == .replication {
            for address in listener.addresses {
                let bound = try await bind(address, at: listener, on: loop) { place in
                    var mode: UInt32?
                    if case .unix(_, let wanted) = address { mode = wanted }
                    return try replication.listen(
                        on: place, security: listener.isTLS ? try environment.prepareTLS() : nil,
                        unixMode: mode, on: loop)
                }
                environment.log.info("Listening for workers on \(bound)")
                warnIfOpen(bound, isTLS: listener.isTLS)
            }
        }
    }

    /// Says loudly what protects a listener that others can reach, and what does not.
    private func warnIfOpen(_ bound: SocketAddress, isTLS: Bool) {
        guard !bound.isLoopback else { return }
        var lacks: [String] = []
        if options.secret == nil { lacks.append("no authentication (worker_replication_secret)") }
        if !isTLS { lacks.append("no encryption (tls: true)") }
        guard !lacks.isEmpty else { return }
        environment.log.warning(
            """
            The replication listener on \(bound) can be reached from other machines. It has \
            \(lacks.joined(separator: " and ")): keep it from the public internet.
            """)
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

extension Dialect {
    /// The dialect that the configuration names.
    init(_ dialect: ReplicationConfiguration.Dialect) {
        switch dialect {
        case .classic: self = .classic
        case .named: self = .named
        }
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

internal import API
internal import Configuration
internal import Logging
internal import Postgres
internal import Reactor
internal import Replication
internal import ReplicationWire
internal import Services
internal import Storage

/// A worker process of any role: it follows the main process's streams and serves its listeners.
final class WorkerProcess: RoleProcess {
    private let environment: ProcessEnvironment
    private let role: RoleDescription
    private let front: HTTPFront<SyncContext>
    private let bare: HTTPFront<Void>
    private let follower: StreamFollower
    private var replication: ReplicationClient?
    private var engine: SyncEngine?
    private var activity: SyncActivityReporter?

    init(_ environment: ProcessEnvironment) {
        self.environment = environment
        role = Roles.description(of: environment.configuration.role)
        let requests = HTTPRequestMetrics(environment.metrics)
        front = HTTPFront(environment, requests)
        bare = HTTPFront(environment, requests)
        follower = StreamFollower(log: environment.logger("replication"))
    }

    func start(on loop: isolated EventLoop) async throws {
        let configuration = environment.configuration
        guard let main = configuration.replicationServer else {
            throw StartFailure(
                description: "worker_replication_host and worker_replication_port are missing")
        }
        try await environment.pool.start(on: loop)
        try await Schema.check(environment.pool, on: loop)
        var options = ReplicationClient.Options(
            host: main.host, port: main.port, name: configuration.instanceName,
            serverName: configuration.server.name)
        options.dialect = Dialect(configuration.replication.dialect)
        options.secret = try environment.replicationSecret()
        options.security = try environment.replicationSecurity(of: main)
        options.timing = LinkTiming(
            pingInterval: configuration.replicationLimits.pingInterval,
            silenceMax: configuration.replicationLimits.idleTimeout)
        let client = ReplicationClient(
            options: options, streams: role.streams, delegate: follower, firstPositions: { [:] })
        replication = client
        ReplicationMetrics.register(client, role.streams, in: environment.metrics, on: loop)
        environment.readiness.replication = (client, role.streams)
        client.start(on: loop)
        if configuration.role == .synchrotron {
            let tokens = TokenCache(pool: environment.pool)
            var options = SyncOptions()
            options.showsPresence = configuration.isPresenceEnabled
            options.slowThreshold = configuration.slowSyncThreshold
            guard
                let engine = await follower.startEngine(
                    environment.pool, tokens, options, on: loop)
            else { return }
            environment.watch(engine, on: loop)
            let activity = SyncActivityReporter(client)
            self.activity = activity
            engine.activityDelegate = activity
            let context = SyncContext(
                engine: engine, tokens: tokens, pool: environment.pool)
            context.sightings.sink = activity
            try await front.listen(context: context, on: loop) { resource, router in
                guard resource == .client else { return }
                Roles.registerSynchrotron(into: &router)
            }
            self.engine = engine
        } else {
            try await bare.listen(context: (), on: loop) { _, _ in }
        }
        if let missing = role.missing { environment.log.warning("This release \(missing)") }
    }

    func interrupt(on loop: isolated EventLoop) { follower.stop() }

    func stop(on loop: isolated EventLoop) async {
        follower.stop()
        engine?.shutDown(on: loop)
        await front.drain(on: loop)
        await bare.drain(on: loop)
        replication?.stop(on: loop)
        await environment.pool.close(on: loop)
    }
}

/// Tells the main process, over replication, who syncs at this worker, and from where.
final class SyncActivityReporter: SyncActivityDelegate, SightingSink {
    private let client: ReplicationClient

    init(_ client: ReplicationClient) { self.client = client }

    func userBeganSync(_ userID: String, at time: Int64, on loop: isolated EventLoop) {
        client.userSync(userID, isSyncing: true, lastSyncMilliseconds: time, on: loop)
    }

    func userEndedSync(_ userID: String, at time: Int64, on loop: isolated EventLoop) {
        client.userSync(userID, isSyncing: false, lastSyncMilliseconds: time, on: loop)
    }

    func seen(_ sighting: UserIPs.Sighting, on loop: isolated EventLoop) {
        client.send(
            .userIP(
                UserIP(
                    userID: sighting.userID, accessToken: sighting.accessToken,
                    ip: sighting.address, userAgent: sighting.userAgent,
                    deviceID: sighting.deviceID, lastSeenMilliseconds: sighting.time)),
            on: loop)
    }
}

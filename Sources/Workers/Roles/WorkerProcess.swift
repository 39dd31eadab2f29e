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
    private let front: HTTPFront<WorkerContext>
    private let follower: StreamFollower
    private var replication: ReplicationClient?

    init(_ environment: ProcessEnvironment) {
        self.environment = environment
        role = Roles.description(of: environment.configuration.role)
        front = HTTPFront(environment)
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
        let options = ReplicationClient.Options(
            host: main.host, port: main.port, name: configuration.instanceName,
            serverName: configuration.server.name)
        let client = ReplicationClient(
            options: options, streams: role.streams, delegate: follower, firstPositions: { [:] })
        replication = client
        ReplicationMetrics.register(client, role.streams, in: environment.metrics, on: loop)
        try front.listen(context: WorkerContext(), on: loop) { resource, router in
        }
        client.start(on: loop)
        if let missing = role.missing { environment.log.warning("This release \(missing)") }
    }

    func stop(on loop: isolated EventLoop) async {
        await front.drain(on: loop)
        replication?.stop(on: loop)
        await environment.pool.close(on: loop)
    }
}

/// What a worker's endpoints work with.
final class WorkerContext {}

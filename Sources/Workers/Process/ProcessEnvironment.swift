internal import Configuration
internal import Logging
internal import Observability
internal import Postgres
internal import Reactor
internal import ReplicationWire
internal import TLS

/// What every part of a process shares. Lives on the loop.
final class ProcessEnvironment {
    let configuration: BeamlineConfiguration
    let logs: LogSystem
    let log: Logger
    let metrics = MetricsRegistry()
    let pool: PostgresPool
    /// What `/ready` tells.
    let readiness: Readiness
    /// What TLS listeners share; `nil` where there are none, or before they are bound.
    private(set) var tls: TLSServerContext?

    init(
        _ configuration: BeamlineConfiguration, _ logs: LogSystem, _ log: Logger,
        on loop: isolated EventLoop
    ) {
        self.configuration = configuration
        self.logs = logs
        self.log = log
        metrics.addProcessMetrics()
        let database = configuration.database
        pool = PostgresPool(
            PostgresConfiguration(
                host: database.host ?? "", port: database.port ?? 5432, user: database.user,
                password: database.password, database: database.database,
                applicationName: configuration.instanceName, libpqOptions: database.options,
                poolMin: database.poolMin, poolMax: database.poolMax,
                statementTimeout: database.statementTimeout), on: loop)
        readiness = Readiness(pool, configuration.readiness)
        DatabaseMetrics.register(pool, in: metrics, on: loop)
        let remarks = logs.logger("beamline.storage")
        pool.noticed = { remarks.info("\($0)") }
    }

    /// Reads the certificate for TLS listeners, once.
    func prepareTLS() throws -> TLSServerContext? {
        guard tls == nil, let files = configuration.tls else { return tls }
        var options = TLSServerOptions()
        options.applicationProtocols = ["http/1.1"]
        let log = logger("tls")
        options.handshakeFailed = { peer, reason in
            log.info("Handshake with \(peer) failed: \(reason)")
        }
        let context = try TLSServerContext(
            certificates: [.files(chain: files.certificatePath, key: files.privateKeyPath)],
            options: options)
        tls = context
        return context
    }

    /// What workers must say first, if anything.
    func replicationSecret() throws -> ReplicationSecret? {
        let replication = configuration.replication
        guard let path = replication.secretPath else {
            return replication.secret.map { ReplicationSecret($0) }
        }
        guard let text = readText(path) else {
            throw StartFailure(
                description: "\(path): the worker_replication_secret_path cannot be read")
        }
        guard let secret = ReplicationSecret(fileText: text) else {
            throw StartFailure(
                description: "\(path): is no secret, expected one line of at most 1024 bytes")
        }
        return secret
    }

    /// What encrypts the connection to the main process, if anything does.
    func replicationSecurity(
        of main: ReplicationServerConfiguration
    ) throws -> (any ChannelSecurity)? {
        guard main.isTLS else { return nil }
        var options = TLSClientOptions()
        if let path = main.authoritiesPath { options.trust = .authorities(path) }
        return try TLSClientContext(options: options).peer(main.host)
    }

    /// A logger below `beamline`.
    func logger(_ name: String) -> Logger { logs.logger("beamline.\(name)") }
}

/// What a process of some role consists of.
protocol RoleProcess: AnyObject {
    /// Opens the database, replication and listeners; returns when the process serves.
    func start(on loop: isolated EventLoop) async throws

    /// The process is to end: a start that waits for somebody must return.
    func interrupt(on loop: isolated EventLoop)

    /// Finishes what is under way and closes everything, also after a start that failed.
    func stop(on loop: isolated EventLoop) async
}

extension RoleProcess {
    func interrupt(on loop: isolated EventLoop) {}
}

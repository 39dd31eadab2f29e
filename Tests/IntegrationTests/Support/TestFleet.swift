import Foundation
import PostgresCluster
import ProcessControl
import Testing

/// A main process with workers, configured by hand exactly as `workers.rst` shows it (paths and ports aside), in a
/// temporary folder, over a database of its own. Started and stopped by synctl.
final class TestFleet: Sendable {
    struct Worker: Sendable {
        var name: String
        var app: String
        var port: UInt16
        var resource: String
    }

    let folder: String
    let mainPort: UInt16
    let replicationPort: UInt16
    let workers: [Worker]
    let cluster: PostgresCluster
    let database: String
    let serverName = "test.local"

    var homeserver: String { "\(folder)/homeserver.yaml" }
    var workersFolder: String { "\(folder)/workers" }

    /// A fleet; `extra` is added to the main file, which workers read too. Without a PostgreSQL of its `own` it gets
    /// a database of the shared one.
    init(
        _ roles: [(name: String, app: String, resource: String)], extra: String = "",
        own: PostgresCluster? = nil
    ) throws {
        if let own {
            try own.createDatabase(named: "own")
            (cluster, database) = (own, "own")
        } else {
            (cluster, database) = try PostgresCluster.sharedWithNewDatabase()
        }
        folder = "/tmp/beamline-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let ports = try freePorts(roles.count + 2)
        mainPort = ports[0]
        replicationPort = ports[1]
        workers = zip(roles, ports.dropFirst(2)).map {
            Worker(name: $0.name, app: $0.app, port: $1, resource: $0.resource)
        }
        try FileManager.default.createDirectory(
            atPath: workersFolder, withIntermediateDirectories: true)
        try write("homeserver.yaml", mainFile(cluster, database) + "\n" + extra)
        try write("signing.key", "ed25519 a_test zJ3tUvWGJVqDqYDhFKvMmJ3vPPZG0nxvSWCE0r0YeTs\n")
        try write("log_config.yaml", logFile("homeserver"))
        for worker in workers {
            try write("workers/\(worker.name).yaml", workerFile(worker))
            try write("\(worker.name)_log_config.yaml", logFile(worker.name))
        }
    }

    /// Two synchrotrons beside the main process.
    static func synchrotrons(_ count: Int = 2) throws -> TestFleet {
        try TestFleet(
            (1...count).map { ("synchrotron\($0)", "synapse.app.synchrotron", "client") })
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    // MARK: Processes

    /// Runs synctl and returns its exit code and output.
    @discardableResult
    func synctl(_ arguments: [String]) throws -> Program.Outcome {
        try Program.run(
            Program.built("synctl"), arguments,
            environment: ["BEAMLINE_EXECUTABLE": Program.built("beamline")])
    }

    func start(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let outcome = try synctl(["start", homeserver, "-a", workersFolder])
        #expect(outcome.code == 0, "\(outcome.output)\n\(logs)", sourceLocation: sourceLocation)
    }

    func stop(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let outcome = try synctl(["stop", homeserver, "-a", workersFolder])
        #expect(outcome.code == 0, "\(outcome.output)\n\(logs)", sourceLocation: sourceLocation)
    }

    func workerPath(_ name: String) -> String { "\(workersFolder)/\(name).yaml" }

    /// The process number of "homeserver" or of a worker, if it runs.
    func pid(of name: String) -> Int32? {
        guard case .running(let pid)? = try? PidFile.status(of: "\(folder)/\(name).pid") else {
            return nil
        }
        return pid
    }

    /// Ends a process as a crash does.
    func kill(_ name: String) throws {
        let running = pid(of: name)
        let pid = try #require(running)
        try ProcessTable.signal(pid, SIGKILL)
        #expect(ProcessTable.waitForExit(of: pid, within: .seconds(30)))
    }

    func log(of name: String) -> String {
        (try? String(contentsOfFile: "\(folder)/\(name).log", encoding: .utf8)) ?? "(no log)"
    }

    private var logs: String {
        (["homeserver"] + workers.map(\.name)).map { "== \($0)\n\(log(of: $0).suffix(2000))" }
            .joined(separator: "\n")
    }

    // MARK: Files

    private func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }

    private func mainFile(_ cluster: PostgresCluster, _ database: String) -> String {
        """
        server_name: \(serverName)
        report_stats: false
        pid_file: \(folder)/homeserver.pid
        signing_key_path: \(folder)/signing.key
        enable_registration: true
        enable_registration_without_verification: true
        bcrypt_rounds: 4
        rc_message: {per_second: 10000, burst_count: 10000}
        rc_registration: {per_second: 10000, burst_count: 10000}
        rc_login:
          address: {per_second: 10000, burst_count: 10000}
          account: {per_second: 10000, burst_count: 10000}
        rc_joins:
          local: {per_second: 10000, burst_count: 10000}
        rc_joins_per_room: {per_second: 10000, burst_count: 10000}
        rc_invites:
          per_user: {per_second: 10000, burst_count: 10000}
          per_issuer: {per_second: 10000, burst_count: 10000}
        rc_room_creation: {per_second: 10000, burst_count: 10000}
        rc_presence:
          per_user: {per_second: 10000, burst_count: 10000}
        start_pushers: false
        notify_appservices: false
        listeners:
          - port: \(mainPort)
            bind_addresses: ['127.0.0.1']
            type: http
            resources:
              - names: [client, metrics]
          - port: \(replicationPort)
            bind_address: '127.0.0.1'
            type: replication
        database:
          name: psycopg2
          args:
            host: \(cluster.socketFolder)
            port: \(cluster.port)
            user: postgres
            database: \(database)
            cp_min: 1
            cp_max: 5
        log_config: \(folder)/log_config.yaml
        """
    }

    private func workerFile(_ worker: Worker) -> String {
        """
        worker_app: \(worker.app)
        worker_name: \(worker.name)

        # The replication listener on the synapse to talk to.
        worker_replication_host: 127.0.0.1
        worker_replication_port: \(replicationPort)

        worker_listeners:
         - type: http
           port: \(worker.port)
           resources:
             - names:
               - \(worker.resource)
             - names: [metrics]

        worker_daemonize: True
        worker_pid_file: \(folder)/\(worker.name).pid
        worker_log_config: \(folder)/\(worker.name)_log_config.yaml
        """
    }

    private func logFile(_ name: String) -> String {
        """
        version: 1
        formatters:
          precise:
            format: '%(asctime)s - %(name)s - %(lineno)d - %(levelname)s - %(message)s'
        handlers:
          file:
            class: logging.handlers.RotatingFileHandler
            formatter: precise
            filename: \(folder)/\(name).log
            maxBytes: 10485760
            backupCount: 2
        root:
          level: INFO
          handlers: [file]
        """
    }
}

import Foundation

/// A main process with workers that serve /sync, over a database of its own. Each worker runs under a shell that starts
/// it again when it ends, which is how a herd comes upon a fresh one.
final class SyncFleet {
    enum Kind: String {
        case ours
        case synapse = "Synapse"
    }

    /// A worker that serves /sync.
    struct Worker {
        let name: String
        /// On which our event loop runs, where it matters.
        var backend: String?
        /// The server's core if it is not told.
        var core: Int?
    }

    let kind: Kind
    var name: String { kind.rawValue }
    private let lab: Lab
    private let database: BenchDatabase
    private let databaseName: String
    private let folder: String
    private let mainPort = RunningServer.freePort()
    private let replicationPort = RunningServer.freePort()
    private let redisPort = RunningServer.freePort()
    private var redis: RunningServer?
    private var main: RunningServer?
    private var workers: [String: RunningServer] = [:]

    init(_ kind: Kind, _ workers: [Worker], _ lab: Lab, _ database: BenchDatabase) throws {
        self.kind = kind
        self.lab = lab
        self.database = database
        databaseName = "\(kind)"
        folder = try lab.folder(databaseName)
        try database.createRoles(["bench_main", "bench_worker"])
        if try !database.has(databaseName) {
            try database.create(databaseName)
            // What an earlier database had in it.
            try? FileManager.default.removeItem(atPath: stateFile)
        }
        if kind == .synapse { try startRedis() }
        let mainFile = try writeMain()
        main = try start(
            ["setpriv", "--pdeathsig", "KILL"] + program(isMain: true) + ["-c", mainFile],
            port: mainPort)
        for worker in workers { try start(worker, mainFile) }
    }

    deinit {
        for server in [main].compactMap({ $0 }) + workers.values {
            kill(-server.pid, SIGKILL)
            server.end()
        }
        redis?.end()
    }

    /// Where the load keeps its users and rooms.
    private var stateFile: String { "\(folder)/load" }

    // MARK: Starting

    private func start(_ command: [String], port: Int) throws -> RunningServer {
        let server = try RunningServer(command, port: port)
        try server.awaitListening(seconds: 90)
        return server
    }

    private func startRedis() throws {
        redis = try start(
            [
                "setpriv", "--pdeathsig", "KILL", lab.options.redis, "--port", "\(redisPort)",
                "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning",
            ], port: redisPort)
    }

    private func start(_ worker: Worker, _ mainFile: String) throws {
        let port = RunningServer.freePort()
        let file = try write(worker, port)
        let backend = worker.backend.map { ["env", "BEAMLINE_BACKEND=\($0)"] } ?? []
        let command = backend + program(isMain: false) + ["-c", mainFile, "-c", file]
        workers[worker.name] = try start(
            lab.pinned(
                ["sh", "-c", "while :; do setpriv --pdeathsig KILL \"$@\"; done", "worker"]
                    + command, to: worker.core ?? lab.options.serverCore), port: port)
    }

    private func program(isMain: Bool) -> [String] {
        switch (kind, isMain) {
        case (.ours, _): [lab.options.homeserver, "--no-daemonize"]
        case (.synapse, true): [lab.options.python, "-m", "synapse.app.homeserver"]
        case (.synapse, false): [lab.options.python, "-m", "synapse.app.generic_worker"]
        }
    }

    // MARK: Configuration

    private func databaseSection(_ role: String) -> String {
        """
        database:
          name: psycopg2
          args:
            host: '\(database.folder)'
            port: \(database.port)
            user: \(role)
            database: \(databaseName)
            cp_min: 5
            cp_max: 10

        """
    }

    private func writeLog(_ name: String) throws -> String {
        try lab.file(
            "\(databaseName)/\(name).log.yaml",
            """
            version: 1
            handlers: {file: {class: logging.FileHandler, filename: '\(folder)/\(name).log'}}
            root: {level: WARNING, handlers: [file]}
            disable_existing_loggers: false

            """)
    }

    private func writeMain() throws -> String {
        _ = try lab.file(
            "\(databaseName)/signing.key",
            "ed25519 a_bench zJ3tUvWGJVqDqYDhFKvMmJ3vPPZG0nxvSWCE0r0YeTs\n")
        let log = try writeLog("main")
        let replication =
            switch kind {
            case .ours:
                "  - {port: \(replicationPort), bind_addresses: ['127.0.0.1'], type: replication}\n"
            case .synapse:
                """
                  - {port: \(replicationPort), bind_addresses: ['127.0.0.1'], type: http,
                     resources: [{names: [replication]}]}
                redis: {enabled: true, host: 127.0.0.1, port: \(redisPort)}
                instance_map: {main: {host: 127.0.0.1, port: \(replicationPort)}}

                """
            }
        let text =
            Homeserver.shared(folder, mainPort) + replication + databaseSection("bench_main")
                + """
                enable_registration: true
                enable_registration_without_verification: true
                bcrypt_rounds: 4

                """
        return try lab.file(
            "\(databaseName)/homeserver.yaml",
            text.replacingOccurrences(of: "\(folder)/log.yaml", with: log))
    }

    private func write(_ worker: Worker, _ port: Int) throws -> String {
        let app = kind == .ours ? "synchrotron" : "generic_worker"
        let replication =
            kind == .ours
            ? "worker_replication_host: 127.0.0.1\nworker_replication_port: \(replicationPort)\n"
            : ""
        // Many clients need more addresses than one has ports.
        let addresses = kind == .ours ? "0.0.0.0" : "127.0.0.1"
        return try lab.file(
            "\(databaseName)/\(worker.name).yaml",
            """
            worker_app: synapse.app.\(app)
            worker_name: \(worker.name)
            worker_pid_file: \(folder)/\(worker.name).pid
            worker_log_config: \(try writeLog(worker.name))
            worker_listeners:
              - port: \(port)
                bind_addresses: ['\(addresses)']
                type: http
                resources: [{names: [client]}]
            \(replication)
            """ + databaseSection("bench_worker"))
    }

    // MARK: Measuring

    private var servers: [RunningServer] { [main].compactMap { $0 } + workers.values }

    /// All of its processes, so that what they do when nobody asks falls on nobody. Each is the leader of a group.
    func pause() { for server in servers { kill(-server.pid, SIGSTOP) } }
    func goOn() { for server in servers { kill(-server.pid, SIGCONT) } }

    /// The main process and only these workers.
    func goOn(with names: [String]) {
        for (name, worker) in workers {
            kill(-worker.pid, names.contains(name) ? SIGCONT : SIGSTOP)
        }
    }

    /// Ends a worker by SIGKILL and waits until the next one listens.
    func restartCommand(_ name: String) throws -> String {
        let worker = try worker(name)
        return """
            old=$(pgrep -P \(worker.pid)); kill -KILL $old; \
            while kill -0 $old 2>/dev/null; do sleep 0.01; done; \
            until bash -c 'exec 3<>/dev/tcp/127.0.0.1/\(worker.port)' 2>/dev/null; do sleep 0.02; done
            """
    }

    func restart(_ name: String) throws {
        _ = try lab.run(["sh", "-c", try restartCommand(name)])
    }

    private func worker(_ name: String) throws -> RunningServer {
        guard let worker = workers[name] else { throw Problem("there is no worker \(name)") }
        return worker
    }

    /// Puts a load on the main process and the named workers, and returns what it measured.
    func load(_ workers: [String], _ scenario: [String], addresses: Int = 1) throws -> [Measurement]
    {
        guard let main else { throw Problem("\(name) does not run") }
        let places = try workers.map { try worker($0) }.flatMap { worker in
            (1...addresses).map { "127.0.0.\($0):\(worker.port)" }
        }
        var command = [
            lab.ours("SyncLoad"), "--main", "127.0.0.1:\(mainPort)", "--sync",
            places.joined(separator: ","), "--state", stateFile, "--prefix", "load",
            "--first-query", Self.firstQuery, "--probe", try probe(),
            "--process", "main=\(main.pid)", "--process", "database=\(database.pid)+",
        ]
        for name in workers {
            let label = workers.count == 1 ? "worker" : name
            command += ["--process", "\(label)=\(try worker(name).pid)+"]
        }
        let found = try JSONDecoder().decode([Found].self, from: lab.load(command + scenario))
        return found.map { Measurement($0.metric, $0.value, $0.unit) }
    }

    private struct Found: Decodable {
        let metric: String
        let value: Double
        let unit: String
    }

    /// Members are not needed by who only comes to wait.
    private static let firstQuery =
        "filter=%7B%22room%22%3A%7B%22state%22%3A%7B%22lazy_load_members%22%3Atrue%7D%2C"
        + "%22timeline%22%3A%7B%22limit%22%3A1%7D%7D%7D"

    /// Statements that the roles of main and worker have run, and the CPU time in µs of the worker's connections.
    private func probe() throws -> String {
        let sql = try lab.file(
            "\(databaseName)/probe.sql",
            ["worker", "main"].map { role in
                """
                SELECT '\(role) sql ' || coalesce(sum(calls), 0) FROM pg_stat_statements s
                JOIN pg_roles r ON r.oid = s.userid
                WHERE rolname = 'bench_\(role)'
                AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database());

                """
            }.joined())
        let script = try lab.file(
            "\(databaseName)/probe.sh",
            """
            psql="psql -X -q -A -t -v ON_ERROR_STOP=1 -h '\(database.folder)' -p \(database.port) -U postgres -d \(databaseName)"
            eval "$psql -f '\(sql)'"
            eval "$psql -c \\"SELECT pid FROM pg_stat_activity WHERE usename = 'bench_worker' \
            AND datname = current_database()\\"" | while read pid; do
                cut -d ' ' -f 1 "/proc/$pid/schedstat"
            done | awk '{ sum += $1 } END { printf "worker database cpu %f\\n", sum / 1000 }'

            """)
        return "sh '\(script)'"
    }
}

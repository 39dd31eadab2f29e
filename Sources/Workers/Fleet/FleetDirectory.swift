internal import Configuration
internal import Glibc
internal import Matrix
internal import PostgresCluster
internal import ProcessControl
internal import Reactor

/// A folder with a whole fleet in it: a private PostgreSQL, configuration files, logs and pid files.
///
/// ```
/// directory/postgres/            the database's data, and its socket
///           homeserver.yaml      and the other files of FleetTemplate
///           workers/*.yaml
/// ```
///
/// Everything here blocks: it runs before a loop does.
struct FleetDirectory {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// A process of the fleet, as its configuration file describes it.
    struct Member: Sendable {
        var name: String
        var role: WorkerRole
        var pidFile: String
        var httpAddress: SocketAddress?

        /// The process's number, if it runs.
        var pid: Int32? {
            guard case .running(let pid)? = try? PidFile.status(of: pidFile) else { return nil }
            return pid
        }
    }

    let path: String
    private let template: FleetTemplate
    /// Found before anything starts: a new build may replace this executable while the fleet runs.
    private let synctlPath: String

    /// A folder for a fleet with so many synchrotrons and one worker of each other role. Ports are chosen among
    /// those that are free now; they count only if the folder has no configuration yet.
    init(path: String, serverName: String, synchrotrons: Int, bcryptRounds: Int? = nil) throws {
        self.path = path.hasPrefix("/") ? path : FleetDirectory.currentFolder + "/" + path
        synctlPath = try Executables.path(of: "synctl")
        var ports = try FreePorts.find(synchrotrons + 7)
        var main = HomeserverTemplate(
            serverName: serverName, reportStats: false, directory: self.path)
        main.clientPort = ports.removeLast()
        main.bindAddresses = ["127.0.0.1"]
        main.hasOpenRegistration = true
        main.hasNoRateLimits = true
        main.enablesMetrics = true
        main.bcryptRounds = bcryptRounds
        main.database = DatabaseConfiguration(
            host: "\(self.path)/postgres", port: PostgresCluster.defaultPort,
            user: PostgresCluster.superuser, database: "beamline")
        var template = FleetTemplate(main: main, replicationPort: ports.removeLast())
        for number in 1...max(1, synchrotrons) {
            template.add(.synchrotron, name: "synchrotron\(number)", port: ports.removeLast())
        }
        for role in WorkerRole.workers where role != .synchrotron {
            template.add(role, port: ports.removeLast())
        }
        self.template = template
    }

    var homeserverPath: String { template.homeserverPath }
    var workersDirectory: String { template.workersDirectory }

    /// Whether a fleet was configured here before.
    var isConfigured: Bool { access(homeserverPath, F_OK) == 0 }

    /// Makes the folder, and keeps it from other processes for as long as the result lives.
    func claim() throws -> PidFile {
        var folder = ""
        for part in path.split(separator: "/") {
            folder += "/\(part)"
            guard mkdir(folder, 0o755) != 0, errno != EEXIST else { continue }
            let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
            throw Failure(description: "\(folder): cannot be made: \(reason)")
        }
        return try PidFile.claim("\(path)/up.pid")
    }

    /// Writes the files of a new fleet. Where one is configured nothing is written: its files name its own ports,
    /// which ours would not know.
    func configure() throws {
        if isConfigured { return try compareSynchrotrons() }
        // A run that was broken off left workers that look for the main process at a port of its own choice.
        for worker in template.workers { unlink(template.path(of: worker)) }
        // The main file last: a folder that has it has all the others.
        for file in template.files(signingKey: SigningKey.generate().fileText).reversed() {
            _ = try file.writeUnlessPresent()
        }
    }

    /// Says so if the fleet that is configured has another number of synchrotrons than was asked for.
    private func compareSynchrotrons() throws {
        let found = try members().count { $0.role == .synchrotron }
        let wanted = template.workers.count { $0.role == .synchrotron }
        guard found != wanted else { return }
        print(
            """
            The fleet in \(path) has \(found) synchrotron\(found == 1 ? "" : "s"), not \(wanted): the number counts \
            only for a new folder, so it is kept. Files in \(workersDirectory) change it.
            """)
    }

    /// Starts the database, which ends with this process.
    func startDatabase() throws -> PostgresCluster {
        let folder = "\(path)/postgres"
        let cluster = try PostgresCluster(folder: folder)
        guard cluster.socketFolder == folder else {
            try? cluster.stop()
            throw Failure(
                description:
                    "\(folder): too long for the path of a Unix socket; use a folder with a shorter path"
            )
        }
        try cluster.ensureDatabase(named: "beamline")
        return cluster
    }

    /// The processes as the files in the folder describe them, the main process first.
    func members() throws -> [Member] {
        let main = try member(named: "main", files: [homeserverPath])
        let names = try workerFiles().map { String($0.dropLast(5)) }
        return try [main]
            + names.map { name in
                try member(
                    named: name, files: [homeserverPath, "\(workersDirectory)/\(name).yaml"])
            }
    }

    /// Starts every process. What an earlier run left behind when it was killed is started anew, since its
    /// database is another one.
    func start() throws {
        let isRunning = try members().contains { $0.pid != nil }
        try synctl(isRunning ? "restart" : "start")
    }

    /// Runs `synctl ACTION -a` on the folder; its output goes where ours goes.
    func synctl(_ action: String) throws {
        var command = Command(synctlPath, [action, homeserverPath, "-a", workersDirectory])
        // Ctrl-C is for us: the fleet is stopped in order.
        command.startsSession = true
        let child = try ChildProcess(command)
        let status = child.wait()
        guard status?.isSuccess == true else {
            throw Failure(
                description: "synctl \(action) failed: \(status.map { "\($0)" } ?? "no status")")
        }
    }

    private func member(named name: String, files: [String]) throws -> Member {
        let configuration = try BeamlineConfiguration.load(paths: files)
        let http = configuration.listeners.first { $0.kind == .http }?.addresses.first
        var address: SocketAddress?
        if case .tcp(let host, let port)? = http { address = SocketAddress(host: host, port: port) }
        return Member(
            name: name, role: configuration.role, pidFile: configuration.pidFile ?? "",
            httpAddress: address)
    }

    private func workerFiles() throws -> [String] {
        guard let folder = opendir(workersDirectory) else {
            throw Failure(description: "\(workersDirectory): cannot be read")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name.hasSuffix(".yaml") { names.append(name) }
        }
        return names.sorted()
    }

    private static var currentFolder: String {
        guard let folder = getcwd(nil, 0) else { return "." }
        defer { free(folder) }
        return String(cString: folder)
    }
}

import Glibc
import Synchronization

/// A PostgreSQL server of one's own, in a folder of its own, that ends with this process.
///
/// Every call blocks: meant for tests, demonstrations and the start of `beamline up`, before a loop
/// runs. Whoever can reach the socket is let in as any role, so the folder is closed to other users.
/// Root's servers run as the owner of existing data or else as the user `postgres`, who then owns
/// everything in the folder.
///
/// The server is this process's descendant. When this process ends, even by SIGKILL, the server
/// is stopped; a temporary cluster's folder is removed then, too.
public final class PostgresCluster: Sendable {
    /// The port that names the socket where TCP is off.
    public static let defaultPort: UInt16 = 5432

    /// The role that owns everything.
    public static let superuser = "postgres"

    /// The folder of everything: `data`, `log` and, if its path is short enough, the socket.
    public let folder: String
    /// The folder of the Unix socket: libpq's `host`.
    public let socketFolder: String
    /// libpq's `port`; the server listens on TCP only if the options named a port.
    public var port: UInt16 { options.port ?? Self.defaultPort }

    let options: Options
    let binaries: Binaries
    let account: Account
    private let isTemporary: Bool
    private let server = Mutex<GuardedProcess?>(nil)

    var dataFolder: String { folder + "/data" }
    var log: String { folder + "/log" }

    /// Starts a cluster in `folder`, which is made if need be and belongs to the cluster. Data found
    /// there are used again.
    public init(folder: String, options: Options = Options()) throws(PostgresClusterError) {
        let folder = Files.absolute(folder)
        let version = Files.tail(of: folder + "/data/PG_VERSION", bytesMax: 16)?
            .split(separator: "\n").first.map(String.init)
        binaries = try Binaries.find(version: version)
        account = try Account.find(dataFolder: folder + "/data")
        try Files.makeFolders(folder)
        self.folder = folder
        self.options = options
        isTemporary = false
        let socket = "\(folder)/.s.PGSQL.\(options.port ?? Self.defaultPort)"
        // sockaddr_un holds 107 bytes and a NUL.
        socketFolder = socket.utf8.count <= 107 ? folder : try Files.makeTemporaryFolder()
        try prepare(initializes: version == nil)
        try start()
    }

    /// Starts a new cluster in a temporary folder, which is removed when this object is released
    /// or this process ends.
    public init(temporary options: Options = .disposable) throws(PostgresClusterError) {
        binaries = try Binaries.find()
        folder = try Files.makeTemporaryFolder()
        account = try Account.find(dataFolder: folder + "/data")
        socketFolder = folder
        self.options = options
        isTemporary = true
        try prepare(initializes: true)
        try start()
    }

    deinit {
        let process = server.withLock { $0.take() }
        process?.release()
        let code = process?.wait(seconds: Double(options.timeoutSeconds))
        // The guardian removes what is temporary unless the server had been stopped or had died.
        guard let doomed, process == nil || code != nil, Files.kind(doomed) != nil else { return }
        if let removal = try? GuardedProcess(
            ["/bin/rm", "-rf", "--", doomed], in: "/", as: account, log: "/dev/null")
        {
            _ = removal.wait(seconds: Double(options.timeoutSeconds))
        }
    }

    /// The folder that goes when the cluster goes.
    private var doomed: String? {
        if isTemporary { return folder }
        return socketFolder == folder ? nil : socketFolder
    }

    private func prepare(initializes: Bool) throws(PostgresClusterError) {
        try account.own(folder)
        try account.own(socketFolder)
        guard initializes else { return }
        // Made under another name, so that what an interrupted attempt left is never taken for data.
        let making = dataFolder + ".new"
        if Files.kind(making) != nil { try run(["/bin/rm", "-rf", "--", making]) }
        try run(
            [
                binaries.initdb, "--pgdata=\(making)", "--locale=C", "--encoding=UTF8",
                "--auth=trust", "--username=\(Self.superuser)", "--no-instructions",
            ] + (options.isDurable ? [] : ["--no-sync"]))
        guard rename(making, dataFolder) == 0 else {
            throw PostgresClusterError("cannot make \(dataFolder): \(Files.message(errno))")
        }
    }

    /// Starts the server if it does not run, and returns when it takes connections.
    public func start() throws(PostgresClusterError) {
        if isRunning { return }
        let process = try GuardedProcess(
            [binaries.postgres, "-D", dataFolder]
                + options.arguments(socketFolder: socketFolder),
            in: folder, as: account, log: log,
            lossSignal: isTemporary ? SIGQUIT : SIGINT, doomed: doomed)
        let until = Clock.seconds() + Double(options.timeoutSeconds)
        while !isReady(process) {
            if let code = process.wait(seconds: 0.005) {
                throw PostgresClusterError("PostgreSQL ended with \(code): \(lastWords)")
            }
            if Clock.seconds() > until {
                throw PostgresClusterError(
                    "PostgreSQL was not ready after \(options.timeoutSeconds) s: \(lastWords)")
            }
        }
        server.withLock { $0 = process }
    }

    /// Stops the server, breaking off its connections, and returns when it has ended. The data stay.
    public func stop() throws(PostgresClusterError) {
        guard let process = server.withLock({ $0.take() }) else { return }
        process.signal(SIGINT)
        if process.wait(seconds: Double(options.timeoutSeconds)) != nil { return }
        process.signal(SIGQUIT)
        if process.wait(seconds: 10) != nil { return }
        process.signal(SIGKILL)
        throw PostgresClusterError("PostgreSQL did not stop in time and was killed")
    }

    /// Whether the server process is alive.
    public var isRunning: Bool {
        server.withLock { $0.map { $0.wait(seconds: 0) == nil } ?? false }
    }

    /// The server writes its state into its lock file: the first line is its process, the eighth its
    /// state. An old file has another process.
    private func isReady(_ process: GuardedProcess) -> Bool {
        guard let text = Files.tail(of: dataFolder + "/postmaster.pid", bytesMax: 4096) else {
            return false
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count >= 8 && lines[0] == String(process.child)
            && lines[7].hasPrefix("ready")
    }

    private var lastWords: String {
        (Files.tail(of: log, bytesMax: 2048) ?? "(no log)").split(separator: "\n").suffix(5)
            .joined(separator: " | ")
    }

    /// Runs a program to its end as the cluster's user.
    func run(_ arguments: [String]) throws(PostgresClusterError) {
        let process = try GuardedProcess(arguments, in: folder, as: account, log: log)
        let name = arguments[0].split(separator: "/").last ?? ""
        guard let code = process.wait(seconds: Double(options.timeoutSeconds)) else {
            throw PostgresClusterError("\(name) did not end in \(options.timeoutSeconds) s")
        }
        guard code == 0 else {
            throw PostgresClusterError("\(name) failed with \(code): \(lastWords)")
        }
    }
}

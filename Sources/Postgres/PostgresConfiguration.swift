/// Where a database is and how a pool uses it.
public struct PostgresConfiguration: Sendable {
    /// A host's name or address, or the folder of a Unix socket; or several, with commas between them,
    /// which are tried in their order. Empty: libpq's default.
    public var host: String
    /// The TCP port, which also names the socket in a folder.
    public var port: UInt16
    /// The role; `nil` is libpq's default, the user that this process runs as.
    public var user: String?
    /// The role's password.
    public var password: String?
    /// The database; `nil` is libpq's default, the role's name.
    public var database: String?
    /// What `pg_stat_activity` shows for the connections.
    public var applicationName: String
    /// Further libpq keywords (`sslmode`, `sslrootcert`, `keepalives_idle`, …).
    public var libpqOptions: [String: String]
    /// Connections that are opened at the start and kept.
    public var poolMin: Int
    /// The most connections.
    public var poolMax: Int
    /// How many requests may wait for a connection before further ones fail with `poolExhausted`.
    public var waitersMax: Int
    /// How many requests may be under way on one connection.
    public var pipelineDepthMax: Int
    /// How long a request may wait for a connection.
    public var acquireTimeout: Duration
    /// How long connecting may take.
    public var connectTimeout: Duration
    /// The server's limit for one statement; `nil`: none.
    public var statementTimeout: Duration?
    /// How often a transaction is repeated after a serialization failure or a deadlock.
    public var transactionRetriesMax: Int

    /// A configuration with defaults that fit a worker process.
    public init(
        host: String, port: UInt16 = 5432, user: String? = nil, password: String? = nil,
        database: String? = nil, applicationName: String = "beamline",
        libpqOptions: [String: String] = [:], poolMin: Int = 1, poolMax: Int = 10,
        waitersMax: Int = 10_000, pipelineDepthMax: Int = 64,
        acquireTimeout: Duration = .seconds(30), connectTimeout: Duration = .seconds(10),
        statementTimeout: Duration? = nil, transactionRetriesMax: Int = 5
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
        self.applicationName = applicationName
        self.libpqOptions = libpqOptions
        self.poolMin = poolMin
        self.poolMax = poolMax
        self.waitersMax = waitersMax
        self.pipelineDepthMax = pipelineDepthMax
        self.acquireTimeout = acquireTimeout
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.transactionRetriesMax = transactionRetriesMax
    }

    /// libpq's keywords and values. The session is set up in the connection's first message, so
    /// that no round trip goes into it. `places` stand for the configured hosts, if there are any.
    func keywords(_ places: some Collection<ServerPlace> = []) -> [(keyword: String, value: String)]
    {
        var all: [String: String] = [
            "port": String(port),
            "application_name": applicationName,
            "client_encoding": "UTF8",
        ]
        if !host.isEmpty { all["host"] = host }
        if let user { all["user"] = user }
        if let password { all["password"] = password }
        if let database { all["dbname"] = database }
        all.merge(libpqOptions) { $1 }
        if !places.isEmpty {
            // Three lists of equal length; a name stays beside each of its addresses.
            all["host"] = places.map(\.host).joined(separator: ",")
            all["hostaddr"] = places.map { $0.address ?? "" }.joined(separator: ",")
            all["port"] = places.map(\.port).joined(separator: ",")
        }
        if let statementTimeout {
            let setting = "-c statement_timeout=\(max(1, statementTimeout.wholeMilliseconds))"
            all["options"] = all["options"].map { "\(setting) \($0)" } ?? setting
        }
        return all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

extension Duration {
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}

/// How the database is reached: the `args` of `database`.
public struct DatabaseConfiguration: Sendable, Hashable {
    /// A host name, an address, or the folder of the server's Unix socket; nil as libpq decides.
    public var host: String?
    /// The port; nil as libpq decides.
    public var port: UInt16?
    /// The role to log in as; nil as libpq decides.
    public var user: String?
    /// Its password.
    public var password: String?
    /// The database; nil as libpq decides.
    public var database: String?
    /// Connections that are kept open (`cp_min`).
    public var poolMin: Int
    /// Connections at most (`cp_max`).
    public var poolMax: Int
    /// How long one statement may take (`statement_timeout`).
    public var statementTimeout: Duration
    /// Every other keyword of libpq, as it was written.
    public var options: [String: String]

    /// How a database is reached.
    public init(
        host: String? = nil, port: UInt16? = nil, user: String? = nil, password: String? = nil,
        database: String? = nil, poolMin: Int = 5, poolMax: Int = 10,
        statementTimeout: Duration = .seconds(60), options: [String: String] = [:]
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
        self.poolMin = poolMin
        self.poolMax = poolMax
        self.statementTimeout = statementTimeout
        self.options = options
    }
}

public import ReplicationWire

/// What every command that follows a main is told on its command line.
public struct Following: Sendable {
    /// Where the main listens.
    public var main: Endpoint
    /// Which streams, and from where.
    public var streams: StreamChoice
    /// How lines are read and written.
    public var dialect: Dialect
    /// The only server that is accepted; nil for any.
    public var serverName: String?
    /// What the main demands.
    public var access: Access
    /// The command's name, by which the main knows the connection.
    public var name: String

    /// Where the main is, and what is wanted of it.
    public init(
        main: Endpoint, streams: StreamChoice, dialect: Dialect = .classic,
        serverName: String? = nil, access: Access = Access(), name: String
    ) {
        self.main = main
        self.streams = streams
        self.dialect = dialect
        self.serverName = serverName
        self.access = access
        self.name = name
    }
}

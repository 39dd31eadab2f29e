public import Reactor
public import ReplicationWire

extension ReplicationClient {
    /// Where the main is, and what the worker is called.
    public struct Options: Sendable {
        /// The main's host: a name, a numeric address, or the path of a Unix socket.
        public var host: String
        /// The main's replication port.
        public var port: UInt16
        /// What the worker is called there.
        public var name: String
        /// The only server that is accepted; nil for any.
        public var serverName: String?
        /// How lines are read and written.
        public var dialect = Dialect.classic
        /// What the main wants to hear first; nil: nothing.
        public var secret: ReplicationSecret?
        /// What encrypts the connection, such as TLS; nil: nothing does.
        public var security: (any ChannelSecurity)?
        /// When to ping and to give up.
        public var timing = LinkTiming()
        /// How long one attempt to connect may take.
        public var connectTimeout = Duration.seconds(5)
        /// How many tasks may wait for positions at once.
        public var waitersMax = 100_000

        /// Where the main is, and the protocol's intervals.
        public init(host: String, port: UInt16, name: String, serverName: String?) {
            self.host = host
            self.port = port
            self.name = name
            self.serverName = serverName
        }
    }

    /// What happened since the start. For metrics, which read it when they are scraped.
    public struct Statistics: Sendable {
        /// Commands received.
        public internal(set) var inbound = CommandCounters()
        /// Commands sent.
        public internal(set) var outbound = CommandCounters()
        /// Rows handed on, by stream.
        public internal(set) var rows: [StreamName: UInt64] = [:]
        /// Rows that were dropped since they came a second time.
        public internal(set) var repeatedRows: UInt64 = 0
        /// Rows in a shape that this release does not know, which were handed on as JSON.
        public internal(set) var unknownRows: UInt64 = 0
        /// Connections made.
        public internal(set) var connections: UInt64 = 0
        /// How often a stream fell too far behind and was resynchronised.
        public internal(set) var resynchronisations: UInt64 = 0
        /// Why connections ended, and how often; the reasons are short names such as `ping_timeout`.
        public internal(set) var closeReasons: [String: UInt64] = [:]
    }
}

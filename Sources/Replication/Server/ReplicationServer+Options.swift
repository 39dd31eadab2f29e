public import ReplicationWire

extension ReplicationServer {
    /// The server's name, and its limits.
    public struct Options: Sendable {
        /// What `SERVER` says.
        public var serverName: String
        /// How lines are read and written.
        public var dialect = Dialect.classic
        /// Who writes the rows, in the named dialect.
        public var instance = ReplicationCommand.mainInstance
        /// What a worker must say first; nil lets everybody in who can connect.
        public var secret: ReplicationSecret?
        /// A number that tells this run of the process from others; workers hear it in `PING`.
        public var run = UInt64.random(in: 0 ... .max)
        /// When to ping and to give up.
        public var timing = LinkTiming()
        /// How long a line of a worker may be, in bytes.
        public var lineBytesMax = LineSplitter.lineBytesMax
        /// How many connections there may be.
        public var connectionsMax = 2000
        /// How many commands may wait for a connection whose socket is full.
        public var queuedCommandsMax = 10_000
        /// How many published rows of a stream may wait behind a worker's catch-up; with more, it reads them as
        /// missed ones.
        public var waitingRowsMax = 10_000
        /// How many bytes may wait for it.
        public var queuedBytesMax = 1 << 26
        /// How many rows are read at once for a worker that is behind.
        public var pageRows = 1000
        /// Output in bytes above which a connection's socket counts as full.
        public var highWaterMark = 1 << 20
        /// How long a connection may take to close before it is aborted.
        public var closeTimeout = Duration.seconds(25)

        /// The protocol's limits.
        public init(serverName: String) {
            self.serverName = serverName
        }
    }

    /// What happened since the start. For metrics, which read it when they are scraped.
    public struct Statistics: Sendable {
        /// Commands received.
        public internal(set) var inbound = CommandCounters()
        /// Commands sent; a row counts once for each connection.
        public internal(set) var outbound = CommandCounters()
        /// Rows published, however many connections got them.
        public internal(set) var rowsPublished: [StreamName: UInt64] = [:]
        /// Rows that were published with a token that was past already, and were sent to nobody.
        public internal(set) var rowsRefused: UInt64 = 0
        /// Connections ever accepted.
        public internal(set) var connectionsAccepted: UInt64 = 0
        /// Why connections ended, and how often; the reasons are short names such as `ping_timeout`.
        public internal(set) var closeReasons: [String: UInt64] = [:]
    }
}

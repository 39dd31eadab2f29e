extension PostgresCluster {
    /// How a cluster is made and run.
    public struct Options: Sendable {
        /// Whether commits wait for the disk. Off, a power failure may lose the whole cluster.
        public var isDurable: Bool
        /// A TCP port on 127.0.0.1, beside the Unix socket. `nil`: none.
        public var port: UInt16?
        /// The most connections that the server takes.
        public var connectionsMax: Int
        /// Further settings of `postgresql.conf`, which win over ours.
        public var settings: [String: String]
        /// How long starting and stopping may take.
        public var timeoutSeconds: Int

        /// For data that matter: durable, and only reachable through the Unix socket.
        public init(
            isDurable: Bool = true, port: UInt16? = nil, connectionsMax: Int = 100,
            settings: [String: String] = [:], timeoutSeconds: Int = 60
        ) {
            self.isDurable = isDurable
            self.port = port
            self.connectionsMax = connectionsMax
            self.settings = settings
            self.timeoutSeconds = timeoutSeconds
        }

        /// For tests and benchmarks: nothing waits for the disk.
        public static var disposable: Options { Options(isDurable: false) }

        /// `-c name=value` for every setting, in a stable order.
        func arguments(socketFolder: String) -> [String] {
            var all = [
                "listen_addresses": port == nil ? "" : "127.0.0.1",
                "port": String(port ?? PostgresCluster.defaultPort),
                "unix_socket_directories": socketFolder,
                "max_connections": String(connectionsMax),
                "jit": "off",
                "log_min_messages": "warning",
            ]
            if !isDurable {
                all["fsync"] = "off"
                all["synchronous_commit"] = "off"
                all["full_page_writes"] = "off"
                all["max_wal_size"] = "4GB"
            }
            all.merge(settings) { $1 }
            return all.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        }
    }
}

/// How many processes one worker file stands for, and which of them this one is.
///
/// Each has a number from 1 on, which is added to the worker's name and to the names of its pid file, its
/// log files and its Unix sockets.
public struct ReplicasConfiguration: Sendable, Hashable {
    /// What the processes do with the file's TCP ports (`worker_replica_ports`).
    public enum Ports: String, Sendable, Hashable, CaseIterable {
        /// All listen on one port, and the kernel spreads the connections (`SO_REUSEPORT`). Listeners of
        /// type `metrics` have consecutive ports all the same, since each process has metrics of its own.
        case shared
        /// The first listens on the file's port, each other one on the next.
        case consecutive
    }

    /// `worker_replicas`; nil where the file stands for one process without a number.
    public var count: Int?
    /// `worker_replica_ports`.
    public var ports = Ports.shared
    /// Which of them this process is, from 1 on; nil where that was not asked.
    public var number: Int?

    /// How many there may be.
    public static let countMax = 1000

    /// One process.
    public init() {}

    /// A name with a replica's number behind it.
    public static func name(_ name: String, _ number: Int) -> String { "\(name)-\(number)" }

    /// A path with a replica's number before the last part's extension: `run/sync-2.pid`.
    public static func path(_ path: String, _ number: Int) -> String {
        let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        guard let dot = path[start...].lastIndex(of: "."), dot > start else {
            return "\(path)-\(number)"
        }
        return "\(path[..<dot])-\(number)\(path[dot...])"
    }
}

extension BeamlineConfiguration {
    /// Makes the file's configuration that of one replica.
    mutating func becomeReplica(_ number: Int) {
        replicas.number = number
        instanceName = ReplicasConfiguration.name(instanceName, number)
        pidFile = pidFile.map { ReplicasConfiguration.path($0, number) }
        if case .file(let path) = logging {
            logging = .file(path: ReplicasConfiguration.path(path, number))
        }
        for index in listeners.indices {
            let moves = replicas.ports == .consecutive || listeners[index].kind == .metrics
            listeners[index].becomeReplica(number, moves: moves)
        }
    }
}

extension ListenerConfiguration {
    /// A port is shared, or is so much higher; a file of a socket cannot be shared.
    fileprivate mutating func becomeReplica(_ number: Int, moves: Bool) {
        sharesPort = !moves
        var isTagged = false
        addresses = addresses.map { address in
            isTagged = isTagged || tag == address.defaultTag
            switch address {
            case .tcp(let host, let port):
                guard moves, port > 0 else { return address }
                return .tcp(host: host, port: port + UInt16(number - 1))
            case .unix(let path, let mode):
                return .unix(path: ReplicasConfiguration.path(path, number), mode: mode)
            }
        }
        // A name that nobody gave follows the place.
        if isTagged { tag = addresses.first?.defaultTag ?? tag }
    }
}

extension ListenAddress {
    /// What names a listener without `tag` in the access log.
    var defaultTag: String {
        switch self {
        case .tcp(_, let port): "\(port)"
        case .unix(let path, _): path
        }
    }
}

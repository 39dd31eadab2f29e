internal import Configuration

/// What a load balancer has to do for a fleet: which process serves which path.
struct BalancerPlan {
    /// A process as the balancer reaches it.
    struct Server: Hashable {
        let name: String
        /// `127.0.0.1:8083`, `[::1]:8083`, or the path of a Unix socket.
        let place: String
        let isUnixSocket: Bool
    }

    /// Processes that serve the same.
    struct Group {
        /// A word of letters and underscores.
        let name: String
        let isTLS: Bool
        let servers: [Server]
    }

    /// Paths that workers serve.
    struct Rule {
        let methods: [String]
        /// A regular expression of the whole path.
        let path: String
        let group: Group
        /// Who serves requests without the query's parameter `since`; nil: the group does.
        let initialGroup: Group?
    }

    let main: Group
    /// All groups of workers.
    let groups: [Group]
    let rules: [Rule]
    /// Workers that serve nothing to clients, by name.
    let idle: [String]

    /// What the main process serves to the world. Its administration interface, metrics and health are not
    /// among it.
    static let mainPaths = #"^(/_matrix|/_synapse/client|/\.well-known/matrix)(/|$)"#

    /// Plans for a main process and its workers; `host` is where processes are reached that listen on all
    /// addresses.
    init(
        main: BeamlineConfiguration, workers: [(name: String, BeamlineConfiguration)], host: String
    ) throws {
        self.main = try Self.group("main", [("main", main)], host: host)
        var groups: [Group] = []
        var rules: [Rule] = []
        var idle: [String] = []
        for role in WorkerRole.workers {
            let members = workers.filter { $0.1.role == role }
            guard !members.isEmpty else { continue }
            let served = Roles.served(by: role)
            guard !served.isEmpty else {
                idle += members.map(\.name)
                continue
            }
            let usual = members.filter { !$0.1.servesInitialSyncs }
            guard !usual.isEmpty else {
                throw BalancerPlanError(
                    description: "Every \(role.rawValue) has worker_initial_syncs: true, so that "
                        + "nobody would serve the other syncs")
            }
            let group = try Self.group(role.rawValue, usual, host: host)
            groups.append(group)
            var initial: Group?
            if usual.count < members.count {
                let marked = members.filter { $0.1.servesInitialSyncs }
                let found = try Self.group("\(role.rawValue)_initial", marked, host: host)
                groups.append(found)
                initial = found
            }
            for path in served {
                rules.append(
                    Rule(
                        methods: path.methods, path: path.pattern, group: group,
                        initialGroup: path.hasSince ? initial : nil))
            }
        }
        self.groups = groups
        self.rules = rules
        self.idle = idle
    }

    private static func group(
        _ name: String, _ members: [(name: String, BeamlineConfiguration)], host: String
    ) throws -> Group {
        var servers: [Server] = []
        var kinds: Set<Bool> = []
        for (name, configuration) in members {
            let listeners = configuration.listeners.filter {
                $0.kind == .http && $0.resourceNames.contains(.client)
            }
            guard let listener = listeners.first, let address = listener.addresses.first else {
                throw BalancerPlanError(
                    description:
                        "\(configuration.files.last ?? name): no listener of type http has "
                        + "the resource client, so nothing can be sent there")
            }
            kinds.insert(listener.isTLS)
            let server = server(name, address, host: host)
            // Replicas that share a port are one place.
            if !servers.contains(where: { $0.place == server.place }) { servers.append(server) }
        }
        guard kinds.count == 1, let isTLS = kinds.first else {
            throw BalancerPlanError(
                description: "\(members.map(\.name).joined(separator: ", ")): some listeners speak "
                    + "TLS and some do not, which a balancer cannot mix")
        }
        return Group(name: name, isTLS: isTLS, servers: servers)
    }

    private static func server(_ name: String, _ address: ListenAddress, host: String) -> Server {
        switch address {
        case .unix(let path, _): return Server(name: name, place: path, isUnixSocket: true)
        case .tcp(let bound, let port):
            let shown = ["", "0.0.0.0", "::"].contains(bound) ? host : bound
            let place = shown.contains(":") ? "[\(shown)]:\(port)" : "\(shown):\(port)"
            return Server(name: name, place: place, isUnixSocket: false)
        }
    }
}

/// Why no load balancer can serve a fleet, in a sentence.
struct BalancerPlanError: Error, CustomStringConvertible {
    let description: String
}

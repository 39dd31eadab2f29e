internal import YAML

/// A worker's configuration file.
public struct WorkerTemplate: Sendable, Hashable {
    /// What the worker does.
    public var role: WorkerRole
    /// Its name, where several workers share a role; also the stem of its files' names.
    public var name: String
    /// The address of the main process's replication listener.
    public var replicationHost: String
    /// The port of the main process's replication listener.
    public var replicationPort: UInt16
    /// The port of its own HTTP listener.
    public var port: UInt16
    /// The addresses of its own HTTP listener; empty for all of the machine.
    public var bindAddresses: [String]
    /// Where it writes its process number.
    public var pidFile: String
    /// Its log configuration.
    public var logConfiguration: String

    /// A worker beside a main process on the same machine.
    public init(
        role: WorkerRole, name: String? = nil, replicationHost: String = "127.0.0.1",
        replicationPort: UInt16 = 9092, port: UInt16, bindAddresses: [String] = [],
        pidFile: String, logConfiguration: String
    ) {
        self.role = role
        self.name = name ?? role.rawValue
        self.replicationHost = replicationHost
        self.replicationPort = replicationPort
        self.port = port
        self.bindAddresses = bindAddresses
        self.pidFile = pidFile
        self.logConfiguration = logConfiguration
    }

    /// The file's text.
    public var yaml: String {
        var lines = ["worker_app: \(role.appName)"]
        if name != role.rawValue { lines.append("worker_name: \(scalar(name))") }
        lines += [
            "", "# The replication listener of the main process to talk to.",
            "worker_replication_host: \(scalar(replicationHost))",
            "worker_replication_port: \(replicationPort)", "", "worker_listeners:",
            " - type: http", "   port: \(port)",
        ]
        if !bindAddresses.isEmpty {
            lines.append(
                "   bind_addresses: [\(bindAddresses.map(quotedScalar).joined(separator: ", "))]")
        }
        lines += ["   resources:", "     - names:"]
        lines += servedNames.map { "       - \($0.rawValue)" }
        lines += [
            "", "worker_daemonize: True", "worker_pid_file: \(scalar(pidFile))",
            "worker_log_config: \(scalar(logConfiguration))", "",
        ]
        return lines.joined(separator: "\n")
    }

    /// What the role is there for, and the metrics that every worker has.
    private var servedNames: [ResourceName] {
        switch role {
        case .homeserver: [.client, .federation, .metrics]
        case .pusher, .appservice: [.metrics]
        case .synchrotron, .clientReader: [.client, .metrics]
        case .federationReader: [.federation, .metrics]
        case .mediaRepository: [.media, .metrics]
        }
    }
}

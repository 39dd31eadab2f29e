/// How a server process is asked to start.
public struct Launch: Sendable {
    /// What `-c` named: files and folders, later ones over earlier ones.
    public var configurationPaths: [String]
    /// Whether to leave the terminal whatever the configuration says.
    public var daemonizes: Bool
    /// Whether to stay whatever the configuration says.
    public var staysInForeground: Bool
    /// Whether to print the path of the pid file at the start.
    public var printsPidFile: Bool
    /// Which process of a worker with `worker_replicas` it is, from 1 on.
    public var replica: Int?

    /// A start as the configuration says.
    public init(
        configurationPaths: [String], daemonizes: Bool = false, staysInForeground: Bool = false,
        printsPidFile: Bool = false, replica: Int? = nil
    ) {
        self.configurationPaths = configurationPaths
        self.daemonizes = daemonizes
        self.staysInForeground = staysInForeground
        self.printsPidFile = printsPidFile
        self.replica = replica
    }
}

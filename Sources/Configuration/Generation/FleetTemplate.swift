/// The files of a main process with its workers, all in one folder.
///
/// ```
/// directory/homeserver.yaml        directory/workers/synchrotron1.yaml
///           example.org.signing.key          logs and process numbers beside homeserver.yaml
///           example.org.log.config           synchrotron1.log.config …
/// ```
public struct FleetTemplate: Sendable {
    /// The main process.
    public var main: HomeserverTemplate
    /// Its workers.
    public private(set) var workers: [WorkerTemplate] = []
    /// The level of every log.
    public var logLevel = "INFO"

    /// A fleet whose main process has a replication listener on this port.
    public init(main: HomeserverTemplate, replicationPort: UInt16) {
        self.main = main
        self.main.replicationPort = replicationPort
        self.main.leavesJobsToWorkers = true
    }

    /// Adds a worker on a port; `name` tells workers of one role apart.
    public mutating func add(_ role: WorkerRole, name: String? = nil, port: UInt16) {
        let stem = name ?? role.rawValue
        workers.append(
            WorkerTemplate(
                role: role, name: stem, replicationPort: main.replicationPort ?? 9092, port: port,
                bindAddresses: main.bindAddresses, pidFile: "\(main.directory)/\(stem).pid",
                logConfiguration: "\(main.directory)/\(stem).log.config"))
    }

    /// The folder for `synctl -a`.
    public var workersDirectory: String { "\(main.directory)/workers" }

    /// The main process's file.
    public var homeserverPath: String { "\(main.directory)/homeserver.yaml" }

    /// A worker's file.
    public func path(of worker: WorkerTemplate) -> String {
        "\(workersDirectory)/\(worker.name).yaml"
    }

    /// Every file of the fleet. `signingKey` is the text of the signing key's file.
    public func files(signingKey: String) -> [GeneratedFile] {
        var files = main.files(at: homeserverPath, signingKey: signingKey, logLevel: logLevel)
        for worker in workers {
            let log = LogTemplate(file: "\(main.directory)/\(worker.name).log", level: logLevel)
            files.append(GeneratedFile(path: path(of: worker), text: worker.yaml))
            files.append(GeneratedFile(path: worker.logConfiguration, text: log.yaml))
        }
        return files
    }
}

extension HomeserverTemplate {
    /// What `--generate-config` writes: the configuration, the signing key and the log configuration.
    public func files(
        at path: String, signingKey: String, logLevel: String = "INFO"
    ) -> [GeneratedFile] {
        [
            GeneratedFile(path: path, text: yaml, isSecret: true),
            GeneratedFile(path: signingKeyPath, text: signingKey, isSecret: true),
            GeneratedFile(
                path: logConfigurationPath, text: LogTemplate(file: logPath, level: logLevel).yaml),
        ]
    }
}

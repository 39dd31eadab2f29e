internal import YAML

/// Turns the merged files into a typed configuration, part by part.
struct ConfigurationReader {
    let root: Section
    let files: ConfigurationFiles
    let options: LoadOptions

    /// The configuration, or nil where something mandatory is missing; mistakes are in the report.
    func read(files names: [String]) -> BeamlineConfiguration? {
        let role = readRole()
        let isMain = role == .homeserver
        let server = readServer()
        let database = readDatabase()
        let registration = readRegistration()
        let listeners = readListeners(role: role ?? .homeserver)
        let pidFile = path(isMain ? "pid_file" : "worker_pid_file")
        let daemonize = root.bool(isMain ? "daemonize" : "worker_daemonize") ?? false
        if daemonize && pidFile == nil {
            root.fail(
                isMain ? "pid_file" : "worker_pid_file", "is missing while the process daemonizes",
                expected: "a path", near: isMain ? "daemonize" : "worker_daemonize")
        }
        let logging = readLogging(isMain: isMain, daemonize: daemonize)
        let replicationServer = isMain ? nil : readReplicationServer()
        var configuration = BeamlineConfiguration(
            role: role ?? .homeserver, server: server, database: database, listeners: listeners,
            replicationServer: replicationServer)
        configuration.tls = readTLS(for: listeners)
        configuration.instanceName = readInstanceName(role: role)
        configuration.files = names
        configuration.pidFile = pidFile
        configuration.daemonize = daemonize
        configuration.logging = logging
        configuration.softFileLimit = root.integer("soft_file_limit", in: 0...100_000_000) ?? 0
        configuration.registration = registration
        (configuration.isPresenceEnabled, configuration.presence) = readPresence()
        configuration.sessions = readSessions()
        configuration.rateLimits = readRateLimits()
        configuration.mediaStorePath = path("media_store_path")
        configuration.enableMetrics = root.bool("enable_metrics") ?? false
        configuration.duties = readDuties(role: role ?? .homeserver)
        configuration.eventLoopBackend = readEventLoopBackend()
        configuration.httpLimits = readHTTPLimits()
        configuration.replication = readReplication()
        configuration.replicationLimits = readReplicationLimits()
        if !isMain {
            configuration.replicas = readReplicas(listeners)
            configuration.servesInitialSyncs = readInitialSyncs(role)
            if let replica = options.replica { configuration.becomeReplica(replica) }
        }
        configuration.slowSyncThreshold = readSlowSyncThreshold()
        configuration.readiness = readReadiness()
        ignoreKeysOfTheOtherKind(isMain: isMain)
        return role == nil ? nil : configuration
    }

    /// A path, made absolute.
    func path(_ key: String) -> String? {
        guard let text = root.string(key, expected: "a path"), !text.isEmpty else { return nil }
        return files.absolute(text)
    }

    private func readRole() -> WorkerRole? {
        guard let node = root.node("worker_app") else { return .homeserver }
        let names = WorkerRole.allCases.map(\.appName)
        let expected = "one of \(names.joined(separator: ", "))"
        guard let name = node.string else {
            root.mismatch("worker_app", node, expected: expected)
            return nil
        }
        if let role = WorkerRole(appName: name) { return role }
        let hint = closest(to: name, among: names).map { " (did you mean \($0)?)" } ?? ""
        root.mismatch("worker_app", node, expected: expected + hint)
        return nil
    }

    private func readInstanceName(role: WorkerRole?) -> String {
        guard let role, role != .homeserver else {
            _ = root.node("worker_name")
            return "main"
        }
        guard let name = root.string("worker_name") else { return role.appName }
        // The name travels as one word of the replication protocol.
        if name.isEmpty || name.contains(where: { $0.isWhitespace || $0.isNewline }) {
            root.fail("worker_name", "has a space in it or is empty", expected: "one word")
        }
        return name
    }

    private func readLogging(isMain: Bool, daemonize: Bool) -> LoggingTarget {
        let key = isMain ? "log_config" : "worker_log_config"
        if let path = path(key) {
            _ = root.node(isMain ? "log_file" : "worker_log_file")
            if options.checksFiles, let reason = reasonUnreadable(path) {
                root.fail(key, "cannot be read: \(path): \(reason)", expected: "a readable file")
            }
            return .configuration(path: path)
        }
        if let path = path(isMain ? "log_file" : "worker_log_file") { return .file(path: path) }
        if daemonize {
            root.report.add(
                .warning, at: root.place(of: isMain ? "daemonize" : "worker_daemonize"), key: key,
                "is missing, so the log of the daemon goes nowhere")
        }
        return .standardError
    }

    /// Reports a mandatory key that is not there.
    func missing(_ key: String, expected: String) {
        root.fail(
            key, "is missing", expected: expected,
            near: key.hasPrefix("worker_") ? "worker_app" : nil)
    }

    /// The main process does not read worker keys, nor a worker those of the main process.
    private func ignoreKeysOfTheOtherKind(isMain: Bool) {
        guard isMain else {
            root.ignore(["pid_file", "daemonize", "listeners", "log_config", "log_file"])
            return
        }
        let keys = [
            "worker_replication_host", "worker_replication_port", "worker_listeners",
            "worker_daemonize", "worker_pid_file", "worker_log_file", "worker_log_config",
            "worker_replication_tls", "worker_replication_ca_path", "worker_replicas",
            "worker_replica_ports", "worker_initial_syncs",
        ]
        root.ignore(keys)
        for key in keys where root.has(key) {
            root.warn(key, "is for workers and not used by the main process")
        }
        if root.has("worker_name") {
            root.warn("worker_name", "is for workers and not used by the main process")
        }
    }
}

internal import YAML

extension ConfigurationReader {
    /// How many processes the worker's file stands for.
    func readReplicas(_ listeners: [ListenerConfiguration]) -> ReplicasConfiguration {
        var replicas = ReplicasConfiguration()
        replicas.count = root.integer("worker_replicas", in: 1...ReplicasConfiguration.countMax)
        if let node = root.node("worker_replica_ports") {
            if let ports = node.string.flatMap(ReplicasConfiguration.Ports.init) {
                replicas.ports = ports
            } else {
                root.mismatch("worker_replica_ports", node, expected: "shared or consecutive")
            }
            if !root.has("worker_replicas") {
                root.fail(
                    "worker_replica_ports", "stands there alone",
                    expected: "worker_replicas beside it")
            }
        }
        guard let count = replicas.count else {
            if let number = options.replica {
                root.fail(
                    "worker_replicas", "is missing, so there is no replica \(number)",
                    expected: "a number of processes", near: "worker_app")
            }
            return replicas
        }
        if let number = options.replica, !(1...count).contains(number) {
            root.fail(
                "worker_replicas", "is \(count), so there is no replica \(number)",
                expected: "at least \(number)")
        }
        checkPorts(of: listeners, replicas, count)
        return replicas
    }

    /// Whether the worker is for syncs without `since`.
    func readInitialSyncs(_ role: WorkerRole?) -> Bool {
        let serves = root.bool("worker_initial_syncs") ?? false
        if serves, let role, role != .synchrotron {
            root.fail(
                "worker_initial_syncs", "is true for a worker that serves no sync",
                expected: "it in the file of a \(WorkerRole.synchrotron.appName)")
        }
        return serves
    }

    /// How long a sync may work unnoticed; `false` for any time.
    func readSlowSyncThreshold() -> Duration? {
        if let node = root.node("slow_sync_threshold"), node.bool == false { return nil }
        return root.duration("slow_sync_threshold", in: .zero ... .seconds(86_400)) ?? .seconds(1)
    }

    /// No two processes may come to the same port, and none beyond the last one.
    private func checkPorts(
        of listeners: [ListenerConfiguration], _ replicas: ReplicasConfiguration, _ count: Int
    ) {
        var taken: [String: SourcePosition] = [:]
        for listener in listeners {
            let moves = replicas.ports == .consecutive || listener.kind == .metrics
            if !moves, listener.resourceNames.contains(.metrics), count > 1 {
                root.report.add(
                    .warning, at: listener.position, key: "worker_listeners",
                    "serves metrics on a port that \(count) processes share, so that each scrape "
                        + "meets any of them; a listener of type metrics has a port for each")
            }
            for case .tcp(let host, let port) in listener.addresses where port > 0 {
                let last = Int(port) + (moves ? count - 1 : 0)
                guard last <= Int(UInt16.max) else {
                    root.report.add(
                        .error, at: listener.position, key: "worker_listeners",
                        "\(count) ports from \(port) on end beyond 65535, expected a lower port")
                    continue
                }
                for port in Int(port)...last {
                    let place = "\(host):\(port)"
                    if let former = taken[place] {
                        root.report.add(
                            .error, at: listener.position, key: "worker_listeners",
                            "port \(port) of a replica is already used at \(former), expected "
                                + "ports that are \(count) apart")
                        break
                    }
                    taken[place] = listener.position
                }
            }
        }
    }
}

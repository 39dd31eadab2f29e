import Configuration
import Testing

@Suite struct ReplicaTests {
    private static let worker = """
        worker_app: synapse.app.synchrotron
        worker_name: sync
        worker_replication_host: 127.0.0.1
        worker_replication_port: 9092
        worker_listeners:
          - {type: http, port: 8083, resources: [{names: [client]}]}
          - {type: metrics, port: 9100, tag: figures}
          - {type: http, path: /run/sync.sock, resources: [{names: [client]}]}
        worker_daemonize: true
        worker_pid_file: /run/sync.pid
        worker_log_file: /var/log/sync.log
        worker_replicas: 3

        """

    private func read(_ extra: String = "", replica: Int?) throws -> BeamlineConfiguration {
        try BeamlineConfiguration.load(
            texts: [
                ("homeserver.yaml", mainSample), ("worker.yaml", Self.worker),
                ("extra.yaml", extra),
            ],
            options: LoadOptions(
                workingDirectory: "/srv/beamline", checksFiles: false, replica: replica))
    }

    @Test func fileItselfStaysAsItIsWritten() throws {
        let configuration = try read(replica: nil)
        #expect(configuration.replicas.count == 3 && configuration.replicas.number == nil)
        #expect(configuration.instanceName == "sync" && configuration.pidFile == "/run/sync.pid")
        #expect(configuration.listeners.allSatisfy { !$0.sharesPort })
    }

    @Test func replicaHasNamesOfItsOwnAndSharesThePort() throws {
        let configuration = try read(replica: 2)
        #expect(configuration.instanceName == "sync-2")
        #expect(configuration.pidFile == "/run/sync-2.pid")
        #expect(configuration.logging == .file(path: "/var/log/sync-2.log"))
        #expect(
            configuration.listeners.flatMap(\.addresses).map(\.description)
                == ["0.0.0.0:8083", "0.0.0.0:9101", "unix:/run/sync-2.sock"])
        #expect(configuration.listeners.map(\.sharesPort) == [true, false, true])
        #expect(configuration.listeners.map(\.tag) == ["8083", "figures", "/run/sync-2.sock"])
    }

    @Test func consecutivePortsGoUp() throws {
        let configuration = try read("worker_replica_ports: consecutive\n", replica: 3)
        #expect(
            configuration.listeners.flatMap(\.addresses).map(\.description)
                == ["0.0.0.0:8085", "0.0.0.0:9102", "unix:/run/sync-3.sock"])
        #expect(configuration.listeners.allSatisfy { !$0.sharesPort })
        #expect(configuration.listeners[0].tag == "8085")
    }

    @Test(arguments: [
        ("run/sync.pid", "run/sync-7.pid"), ("sync", "sync-7"), ("/a.b/sync", "/a.b/sync-7"),
        ("/a/.hidden", "/a/.hidden-7"), ("a.log.1", "a.log-7.1"),
    ])
    func numberStandsBeforeTheExtension(path: String, expected: String) {
        #expect(ReplicasConfiguration.path(path, 7) == expected)
    }

    @Test(arguments: [
        (
            "worker_replica_ports: some", Int?.none,
            "extra.yaml:1: worker_replica_ports: is the text \"some\", expected shared or consecutive"
        ),
        (
            "", 4,
            "worker.yaml:12: worker_replicas: is 3, so there is no replica 4, expected at least 4"
        ),
        (
            "worker_replicas: 0", nil,
            "extra.yaml:1: worker_replicas: is the number 0, expected a whole number from 1 to 1000"
        ),
        (
            "worker_listeners: [{type: metrics, port: 9100}, {type: metrics, port: 9101}]", nil,
            "extra.yaml:1: worker_listeners: port 9101 of a replica is already used at "
                + "extra.yaml:1, expected ports that are 3 apart"
        ),
        (
            "worker_listeners: [{type: metrics, port: 65534}]", nil,
            "extra.yaml:1: worker_listeners: 3 ports from 65534 on end beyond 65535, "
                + "expected a lower port"
        ),
        (
            "worker_app: synapse.app.client_reader\nworker_initial_syncs: true", nil,
            "extra.yaml:2: worker_initial_syncs: is true for a worker that serves no sync, "
                + "expected it in the file of a synapse.app.synchrotron"
        ),
    ])
    func mistakesAreExplained(extra: String, replica: Int?, expected: String) {
        do {
            _ = try read(extra, replica: replica)
            Issue.record("it was read")
        } catch let error as ConfigurationError {
            let lines = error.diagnostics.filter { $0.severity == .error }.map {
                $0.description.replacing(#/^(\S+?:\d+):\d+:/#) { "\($0.output.1):" }
            }
            #expect(lines.contains { $0.hasSuffix(expected) || $0 == expected }, "\(lines)")
        } catch {
            Issue.record(error)
        }
    }

    @Test func sharedPortWithMetricsIsWarnedAbout() throws {
        let warnings = try read(
            "worker_listeners: [{type: http, port: 8083, resources: [{names: [client, metrics]}]}]",
            replica: 1
        ).diagnostics.filter { $0.severity == .warning }
        #expect(warnings.contains { $0.description.contains("3 processes share") }, "\(warnings)")
    }

    @Test func slowSyncThresholdIsReadAsWritten() throws {
        #expect(try read(replica: 1).slowSyncThreshold == .seconds(1))
        #expect(
            try read("slow_sync_threshold: 250ms", replica: 1).slowSyncThreshold
                == .milliseconds(250))
        #expect(try read("slow_sync_threshold: false", replica: 1).slowSyncThreshold == nil)
    }
}

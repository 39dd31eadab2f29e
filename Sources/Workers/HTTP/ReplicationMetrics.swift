internal import Observability
internal import Reactor
internal import Replication
internal import ReplicationWire

/// Replication's counters under the names that dashboards for Synapse read.
///
/// The registry is read from any thread, replication lives on the loop: a timer copies the figures.
enum ReplicationMetrics {
    private static let period = Duration.seconds(5)

    static func register(
        _ server: ReplicationServer, in registry: MetricsRegistry, on loop: isolated EventLoop
    ) {
        let inbound = commands("inbound", "Commands received.", in: registry)
        let outbound = commands("outbound", "Commands sent.", in: registry)
        let reasons = closeReasons(in: registry)
        let updates = registry.counters(
            "synapse_replication_tcp_resource_stream_updates", "Rows published.",
            labels: ["stream_name"])
        let total = registry.gauge(
            "synapse_replication_tcp_resource_total_connections", "Workers connected.")
        let perStream = registry.gauges(
            "synapse_replication_tcp_resource_connections_per_stream",
            "Connections that follow a stream.", labels: ["stream_name"])
        let requests: [(CommandName, Counter)] = [
            (.userSync, "user_sync"), (.federationAck, "federation_ack"),
            (.removePusher, "remove_pusher"), (.invalidateCache, "invalidate_cache"),
            (.userIP, "user_ip_cache"),
        ].map { name, suffix in
            let metric = "synapse_replication_tcp_resource_\(suffix)"
            return (name, registry.counter(metric, "\(name.rawValue) commands received."))
        }
        let workers = WorkerGauges(registry)
        MetricsCopy.every(period, on: loop) {
            record(server.statistics.inbound, in: inbound)
            record(server.statistics.outbound, in: outbound)
            record(server.statistics.closeReasons, in: reasons)
            for (stream, rows) in server.statistics.rowsPublished {
                updates.labelled(stream.name).raise(to: rows)
            }
            for (stream, count) in server.connectionsPerStream {
                perStream.labelled(stream.name).set(count)
            }
            for (name, counter) in requests { counter.raise(to: server.statistics.inbound[name]) }
            total.set(server.peers.count)
            workers.set(from: server)
        }
    }

    static func register(
        _ client: ReplicationClient, _ streams: [StreamName], in registry: MetricsRegistry,
        on loop: isolated EventLoop
    ) {
        let inbound = commands("inbound", "Commands received.", in: registry)
        let outbound = commands("outbound", "Commands sent.", in: registry)
        let reasons = closeReasons(in: registry)
        let rows = registry.counters(
            "synapse_replication_tcp_protocol_inbound_rdata_count", "Rows received.",
            labels: ["stream_name"])
        let lag = registry.gauges(
            "beamline_replication_lag_seconds", "How long ago the stream was surely in step.",
            labels: ["stream_name"])
        let behind = registry.gauges(
            "beamline_replication_lag_rows", "Tokens between the stream's position and its newest.",
            labels: ["stream_name"])
        let position = registry.gauges(
            "beamline_replication_position", "The last token whose rows were processed.",
            labels: ["stream_name"])
        let connected = registry.gauge(
            "beamline_replication_connected", "Whether the main process is reached.")
        let fellBehind = registry.counter(
            "beamline_replication_resynchronisations",
            "How often a stream could not be caught up and was read from the database.")
        MetricsCopy.every(period, on: loop) {
            record(client.statistics.inbound, in: inbound)
            record(client.statistics.outbound, in: outbound)
            record(client.statistics.closeReasons, in: reasons)
            for (stream, count) in client.statistics.rows {
                rows.labelled(stream.name).raise(to: count)
            }
            for stream in streams {
                let state = client.lag(of: stream, on: loop)
                lag.labelled(stream.name).set(state.behind.inSeconds)
                if let tokens = state.tokensBehind { behind.labelled(stream.name).set(Int(tokens)) }
                if let token = state.position { position.labelled(stream.name).set(Int(token)) }
            }
            connected.set(client.isConnected ? 1 : 0)
            fellBehind.raise(to: client.statistics.resynchronisations)
        }
    }

    private static func closeReasons(in registry: MetricsRegistry) -> MetricFamily<Counter> {
        registry.counters(
            "synapse_replication_tcp_protocol_close_reason", "Why connections ended.",
            labels: ["reason_type"])
    }

    private static func record(_ reasons: [String: UInt64], in family: MetricFamily<Counter>) {
        for (reason, count) in reasons { family.labelled(reason).raise(to: count) }
    }

    private static func commands(
        _ direction: String, _ help: String, in registry: MetricsRegistry
    ) -> MetricFamily<Counter> {
        registry.counters(
            "synapse_replication_tcp_protocol_\(direction)_commands", help, labels: ["command"])
    }

    private static func record(_ counters: CommandCounters, in family: MetricFamily<Counter>) {
        for (name, count) in counters.nonzero { family.labelled(name.rawValue).raise(to: count) }
    }
}

extension Counter {
    /// Brings the counter up to a sum that is kept elsewhere.
    fileprivate func raise(to sum: UInt64) { increment(by: max(0, Double(sum) - value)) }
}

/// What the main process knows of each worker, under the worker's name, for as long as it is connected.
private final class WorkerGauges {
    private let queue: MetricFamily<Gauge>
    private let lag: MetricFamily<Gauge>
    private var queues: Set<String> = []
    private var lags: [String: Set<String>] = [:]

    init(_ registry: MetricsRegistry) {
        queue = registry.gauges(
            "synapse_replication_tcp_command_queue",
            "Commands that wait for a worker whose socket is full.", labels: ["name"])
        lag = registry.gauges(
            "beamline_replication_worker_lag_rows",
            "Tokens of a stream that are still to be read for a worker.",
            labels: ["name", "stream_name"])
    }

    func set(from server: ReplicationServer) {
        var pending: [String: Int] = [:]
        for (peer, count) in server.pendingCommands {
            pending[peer.name ?? "unnamed", default: 0] += count
        }
        for (name, count) in pending { queue.labelled(name).set(count) }
        for name in queues.subtracting(pending.keys) { queue.remove(name) }
        queues = Set(pending.keys)
        var behind: [String: [String: Int]] = [:]
        for (peer, stream, tokens) in server.lags {
            let name = peer.name ?? "unnamed"
            let former = behind[name]?[stream.name] ?? 0
            behind[name, default: [:]][stream.name] = max(former, Int(tokens))
        }
        for (name, streams) in behind {
            for (stream, tokens) in streams { lag.labelled(name, stream).set(tokens) }
        }
        for (name, streams) in lags {
            for stream in streams where behind[name]?[stream] == nil { lag.remove(name, stream) }
        }
        lags = behind.mapValues { Set($0.keys) }
    }
}

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
        let updates = registry.counters(
            "synapse_replication_tcp_resource_stream_updates", "Rows published.",
            labels: ["stream_name"])
        let total = registry.gauge(
            "synapse_replication_tcp_resource_total_connections", "Workers connected.")
        MetricsCopy.every(period, on: loop) {
            record(server.statistics.inbound, in: inbound)
            record(server.statistics.outbound, in: outbound)
            for (stream, rows) in server.statistics.rowsPublished {
                updates.labelled(stream.name).raise(to: rows)
            }
            total.set(server.peers.count)
        }
    }

    static func register(
        _ client: ReplicationClient, _ streams: [StreamName], in registry: MetricsRegistry,
        on loop: isolated EventLoop
    ) {
        let inbound = commands("inbound", "Commands received.", in: registry)
        let rows = registry.counters(
            "synapse_replication_tcp_protocol_inbound_rdata_count", "Rows received.",
            labels: ["stream_name"])
        let lag = registry.gauges(
            "beamline_replication_lag_seconds", "How long ago the stream was surely in step.",
            labels: ["stream_name"])
        let connected = registry.gauge(
            "beamline_replication_connected", "Whether the main process is reached.")
        MetricsCopy.every(period, on: loop) {
            record(client.statistics.inbound, in: inbound)
            for (stream, count) in client.statistics.rows {
                rows.labelled(stream.name).raise(to: count)
            }
            for stream in streams {
                lag.labelled(stream.name).set(client.lag(of: stream, on: loop).behind.inSeconds)
            }
            connected.set(client.isConnected ? 1 : 0)
        }
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

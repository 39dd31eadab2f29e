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
        let inbound = registry.gauges(
            "synapse_replication_tcp_protocol_inbound_commands", "Commands received.",
            labels: ["command"])
        let outbound = registry.gauges(
            "synapse_replication_tcp_protocol_outbound_commands", "Commands sent.",
            labels: ["command"])
        let updates = registry.gauges(
            "synapse_replication_tcp_resource_stream_updates", "Rows published.",
            labels: ["stream_name"])
        let total = registry.gauge(
            "synapse_replication_tcp_resource_total_connections", "Workers connected.")
        MetricsCopy.every(period, on: loop) {
            record(server.statistics.inbound, in: inbound)
            record(server.statistics.outbound, in: outbound)
            for (stream, rows) in server.statistics.rowsPublished {
                updates.labelled(stream.name).set(Double(rows))
            }
            total.set(server.peers.count)
        }
    }

    static func register(
        _ client: ReplicationClient, _ streams: [StreamName], in registry: MetricsRegistry,
        on loop: isolated EventLoop
    ) {
        let inbound = registry.gauges(
            "synapse_replication_tcp_protocol_inbound_commands", "Commands received.",
            labels: ["command"])
        let rows = registry.gauges(
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
                rows.labelled(stream.name).set(Double(count))
            }
            for stream in streams {
                lag.labelled(stream.name).set(client.lag(of: stream, on: loop).behind.inSeconds)
            }
            connected.set(client.isConnected ? 1 : 0)
        }
    }

    private static func record(_ counters: CommandCounters, in family: MetricFamily<Gauge>) {
        for (name, count) in counters.nonzero { family.labelled(name.rawValue).set(Double(count)) }
    }
}

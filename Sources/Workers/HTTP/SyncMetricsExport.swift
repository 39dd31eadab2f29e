internal import Observability
internal import Reactor
internal import Services

/// The sync engine's figures for scrapers, some under the names that dashboards for Synapse read.
enum SyncMetricsExport {
    static func register(
        _ engine: SyncEngine, in registry: MetricsRegistry, on loop: isolated EventLoop
    ) {
        let listeners = registry.gauge("synapse_notifier_listeners", "Clients that wait for news.")
        let users = registry.gauge("synapse_notifier_users", "Users in the index.")
        let deliveries = registry.gauges(
            "beamline_sync_deliveries", "Answers with news, by the way they went.",
            labels: ["path"])
        let waves = registry.gauge(
            "beamline_sync_waves", "Batches of rows that concerned a waiting client.")
        let queries = registry.gauge("beamline_sync_queries", "Statements sent to the database.")
        MetricsCopy.every(.seconds(5), on: loop) {
            let metrics = engine.metrics
            listeners.set(metrics.parked)
            users.set(metrics.trackedUsers)
            deliveries.labelled("live").set(metrics.deliveriesLive)
            deliveries.labelled("general").set(metrics.deliveriesGeneral)
            waves.set(metrics.waves)
            queries.set(metrics.queries)
        }
    }
}

/// Copies figures that live on the loop into a registry that is read from any thread.
enum MetricsCopy {
    static func every(
        _ period: Duration, on loop: isolated EventLoop, _ body: @escaping () -> Void
    ) {
        body()
        loop.schedule(after: period) { every(period, on: loop, body) }
    }
}

internal import Logging
internal import Observability
internal import Postgres
internal import Reactor
internal import Services

/// The sync engine's figures for scrapers, some under the names that dashboards for Synapse read.
enum SyncMetricsExport {
    static func register(
        _ engine: SyncEngine, in registry: MetricsRegistry, on loop: isolated EventLoop
    ) {
        let listeners = registry.gauge("synapse_notifier_listeners", "Clients that wait for news.")
        let users = registry.gauge("synapse_notifier_users", "Users in the index.")
        let rooms = registry.gauge("synapse_notifier_rooms", "Rooms in the index.")
        let nonempty = registry.gauges(
            "synapse_handlers_sync_nonempty_total", "Answers with news, by what was asked for.",
            labels: ["type"])
        let queue = registry.gauge(
            "beamline_sync_queue", "Requests that wait until others have been computed.")
        let slow = registry.gauge("beamline_sync_slow", "Answers that took long to compute.")
        let stages = registry.gauges(
            "beamline_sync_stage_seconds", "Where the time of computed answers went.",
            labels: ["stage"])
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
            rooms.set(engine.trackedRooms)
            queue.set(engine.queuedRequests)
            slow.set(metrics.slowAnswers)
            let all = metrics.deliveriesLive + metrics.deliveriesGeneral
            nonempty.labelled("initial_sync").set(metrics.initialAnswers)
            nonempty.labelled("incremental_sync").set(max(0, all - metrics.initialAnswers))
            let times = metrics.stageTimes
            for (stage, time) in [
                ("position", times.position), ("turn", times.lane), ("sql", times.sql),
                ("building", times.building), ("writing", times.writing),
            ] { stages.labelled(stage).set(time.inSeconds) }
            deliveries.labelled("live").set(metrics.deliveriesLive)
            deliveries.labelled("general").set(metrics.deliveriesGeneral)
            waves.set(metrics.waves)
            queries.set(metrics.queries)
        }
    }
}

extension ProcessEnvironment {
    /// Shows an engine in metrics, in `/ready` and, where it is slow, in the log.
    func watch(_ engine: SyncEngine, on loop: isolated EventLoop) {
        SyncMetricsExport.register(engine, in: metrics, on: loop)
        readiness.engine = engine
        let log = logger("sync")
        engine.slowSync = { log.warning("\($0)") }
    }
}

/// The connections to the database, for scrapers.
enum DatabaseMetrics {
    static func register(
        _ pool: PostgresPool, in registry: MetricsRegistry, on loop: isolated EventLoop
    ) {
        let connections = registry.gauge(
            "beamline_database_connections", "Connections that are ready.")
        let underWay = registry.gauge(
            "beamline_database_requests_under_way", "Requests that the server has.")
        let waiting = registry.gauge(
            "beamline_database_requests_waiting", "Requests that wait for a connection.")
        let requests = registry.gauge("beamline_database_requests", "Requests answered.")
        let errors = registry.gauge("beamline_database_errors", "Requests that failed.")
        let losses = registry.gauge("beamline_database_losses", "Connections that were lost.")
        MetricsCopy.every(.seconds(5), on: loop) {
            let now = pool.statistics
            connections.set(now.connections)
            underWay.set(now.underWay)
            waiting.set(now.waiting)
            requests.set(Double(now.requestCount))
            errors.set(Double(now.errorCount))
            losses.set(Double(now.lossCount))
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

internal import HTTPServer
internal import HTTPWire
internal import Observability

/// What operators ask of any process: whether it lives, and its metrics.
enum OperationsRoutes {
    /// `GET /health`: 200 `OK` for as long as the loop answers.
    static func registerHealth<Context>(into router: inout Router<Context>) {
        router.onImmediate(.get, "/health", name: "health") { _, _, _ in .text("OK") }
    }

    /// `GET /_synapse/metrics`: the registry in Prometheus' text format.
    static func registerMetrics<Context>(
        _ metrics: MetricsRegistry, into router: inout Router<Context>
    ) {
        router.onImmediate(.get, "/_synapse/metrics", name: "metrics") { _, _, _ in
            HTTPResponse(
                .ok, headers: ["Content-Type": MetricsRegistry.contentType],
                body: .bytes(metrics.exposition()))
        }
    }
}

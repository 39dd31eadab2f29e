internal import HTTPServer
internal import HTTPWire
internal import Observability
internal import Reactor

/// What operators ask of any process: whether it lives, and its metrics.
enum OperationsRoutes {
    /// `GET /health`: 200 `OK` for as long as the loop answers.
    static func registerHealth<Context>(into router: inout Router<Context>) {
        router.onImmediate(.get, "/health", name: "health") { _, _, _ in .text("OK") }
    }

    /// `GET /ready`: 200 if the process can do its work, else 503, with a JSON object that says why.
    static func registerReadiness<Context>(
        _ readiness: Readiness, into router: inout Router<Context>, on loop: isolated EventLoop
    ) {
        let box = LoopBox(readiness, on: loop)
        router.onAsync(.get, "/ready", name: "ready") { _, _, loop in
            await box.value(on: loop).answer(on: loop)
        }
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

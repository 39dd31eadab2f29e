internal import HTTPServer
internal import HTTPWire
internal import Observability
internal import Reactor

/// Requests and their time, under the names that dashboards for Synapse read.
final class HTTPRequestMetrics {
    private let requests: MetricFamily<Counter>
    private let responses: MetricFamily<Counter>
    private let times: MetricFamily<Histogram>

    init(_ registry: MetricsRegistry) {
        requests = registry.counters(
            "synapse_http_server_requests_received", "Requests received.",
            labels: ["method", "servlet"])
        responses = registry.counters(
            "synapse_http_server_response_count", "Responses by route and status.",
            labels: ["method", "servlet", "code"])
        times = registry.histograms(
            "synapse_http_server_response_time_seconds",
            "Time from a request's head to the end of its response, in seconds.",
            labels: ["method", "servlet"])
    }

    func record(_ report: RequestReport) {
        let method = report.request?.method.name ?? "?"
        let route = report.route ?? "unmatched"
        requests.labelled(method, route).increment()
        guard let status = report.status else { return }
        responses.labelled(method, route, String(status.code)).increment()
        times.labelled(method, route).observe(report.duration)
    }
}

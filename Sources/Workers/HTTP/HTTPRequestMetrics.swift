internal import HTTPServer
internal import HTTPWire
internal import Observability
internal import Reactor

/// Requests and their time, under the names that dashboards for Synapse read.
final class HTTPRequestMetrics {
    fileprivate let requests: MetricFamily<Counter>
    fileprivate let responses: MetricFamily<Counter>
    fileprivate let times: MetricFamily<Histogram>
    fileprivate let sizes: MetricFamily<Counter>

    init(_ registry: MetricsRegistry) {
        requests = registry.counters(
            "synapse_http_server_requests_received", "Requests received.",
            labels: ["method", "servlet"])
        responses = registry.counters(
            "synapse_http_server_response_count", "Responses by route and status.",
            labels: ["method", "servlet", "code"])
        sizes = registry.counters(
            "synapse_http_server_response_size", "Bytes of responses, heads included.",
            labels: ["method", "servlet"])
        times = registry.histograms(
            "synapse_http_server_response_time_seconds",
            "Time from a request's head to the end of its response, in seconds.",
            labels: ["method", "servlet"])
    }
}

/// Records the requests of one listener. Finding a series takes a lock and strings, so each is
/// found once and then has a place by the route's number and the method.
final class HTTPRequestRecorder {
    private struct Series {
        let method: String
        let route: String
        let requests: Counter
        let times: Histogram
        let sizes: Counter
        /// By status; a route has few.
        var responses: [(status: HTTPStatus, counter: Counter)] = []
    }

    /// Malformed requests, the methods that HTTP knows, and all others.
    private static let methodCount = 11
    private let metrics: HTTPRequestMetrics
    private var series: [Series?] = []

    init(_ metrics: HTTPRequestMetrics) { self.metrics = metrics }

    func record(_ report: RequestReport) {
        let method = report.request.map { $0.head.knownMethod.map { Int($0.rawValue) + 1 } ?? 10 }
        let place = (report.routeIndex ?? -1) + 1
        let index = place * Self.methodCount + (method ?? 0)
        while series.count <= index { series.append(nil) }
        if series[index] == nil { series[index] = find(report) }
        series[index]?.requests.increment()
        guard let status = report.status else { return }
        series[index]?.times.observe(report.duration)
        series[index]?.sizes.increment(by: Double(report.responseBytes))
        for known in series[index]?.responses ?? [] where known.status == status {
            return known.counter.increment()
        }
        guard let found = series[index] else { return }
        let counter = metrics.responses.labelled(found.method, found.route, String(status.code))
        series[index]?.responses.append((status, counter))
        counter.increment()
    }

    private func find(_ report: RequestReport) -> Series {
        // Only names that HTTP knows: a label from outside would have no end of values.
        let known = report.request.map { $0.head.knownMethod == nil ? "other" : $0.method.name }
        let method = known ?? "?"
        let route = report.route ?? "unmatched"
        return Series(
            method: method, route: route, requests: metrics.requests.labelled(method, route),
            times: metrics.times.labelled(method, route),
            sizes: metrics.sizes.labelled(method, route))
    }
}

internal import HTTPServer
internal import HTTPWire
internal import Logging
internal import Reactor

/// One line per request, without secrets.
enum AccessLog {
    static func write(_ report: RequestReport, to log: Logger) {
        guard log.logLevel <= .info, report.route != "health" else { return }
        let request = report.request
        let status = report.status.map { String($0.code) } ?? "client left"
        log.info(
            """
            \(request?.clientAddress?.host ?? "?") \(request?.method.name ?? "?") \
            \(redacted(request?.target ?? "(malformed)")) \(status) \
            \(report.responseBytes)B \(report.duration.inMilliseconds)ms
            """)
    }

    /// Older clients send the access token in the query.
    static func redacted(_ target: String) -> String {
        var shown = ""
        var rest = Substring(target)
        while let token = rest.firstRange(of: "access_token=") {
            shown += rest[..<token.upperBound] + "<redacted>"
            rest = rest[token.upperBound...].drop { $0 != "&" }
        }
        return shown + rest
    }
}

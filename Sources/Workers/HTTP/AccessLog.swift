internal import Bytes
internal import HTTPServer
internal import HTTPWire
internal import Logging
internal import Reactor

/// One line per request, without secrets.
enum AccessLog {
    static func write(_ report: RequestReport, to log: Logger) {
        guard log.logLevel <= .info, report.route != "health", report.route != "ready" else {
            return
        }
        log.info("\(line(report))")
    }

    /// Put together as bytes: every request of a busy process passes here.
    private static func line(_ report: RequestReport) -> String {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        if let request = report.request {
            line.append(contentsOf: (request.clientAddress?.host ?? "?").utf8)
            line.append(UInt8(ascii: " "))
            line.append(contentsOf: request.method.name.utf8)
            line.append(UInt8(ascii: " "))
            append(redacted: request.head.targetBytes, to: &line)
        } else {
            line.append(contentsOf: "? ? (malformed)".utf8)
        }
        line.append(UInt8(ascii: " "))
        if let status = report.status {
            line.appendDecimal(status.code)
        } else {
            line.append(contentsOf: "client left".utf8)
        }
        line.append(UInt8(ascii: " "))
        line.appendDecimal(report.responseBytes)
        line.append(contentsOf: "B ".utf8)
        line.appendDecimal(report.duration.inMilliseconds)
        line.append(contentsOf: "ms".utf8)
        return String(decoding: line, as: UTF8.self)
    }

    /// Older clients send the access token in the query.
    static func redacted(_ target: String) -> String {
        let target = Array(target.utf8)
        var shown: [UInt8] = []
        append(redacted: target.span.bytes, to: &shown)
        return String(decoding: shown, as: UTF8.self)
    }

    private static func append(redacted target: RawSpan, to line: inout [UInt8]) {
        let name: StaticString = "access_token="
        var start = 0
        var offset = 0
        while let equals = target.firstIndex(of: UInt8(ascii: "="), from: offset) {
            offset = equals + 1
            let begin = offset - name.utf8CodeUnitCount
            guard begin >= start, target.extracting(begin..<offset).equals(name) else { continue }
            target.extracting(start..<offset).withUnsafeBytes { line.append(contentsOf: $0) }
            line.append(contentsOf: "<redacted>".utf8)
            start = target.firstIndex(of: UInt8(ascii: "&"), from: offset) ?? target.byteCount
            offset = start
        }
        target.extracting(start..<target.byteCount).withUnsafeBytes { line.append(contentsOf: $0) }
    }
}

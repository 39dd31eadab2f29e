/// Builds Prometheus' text format, line by line.
struct ExpositionText {
    private(set) var bytes: [UInt8] = []

    mutating func begin(_ name: String, help: String, type: String) {
        append("# HELP \(name) ")
        appendEscaped(help, quotes: false)
        append("\n# TYPE \(name) \(type)\n")
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        append(name)
        if !labels.isEmpty {
            for (index, label) in labels.enumerated() {
                append("\(index == 0 ? "{" : ",")\(label.0)=\"")
                appendEscaped(label.1, quotes: true)
                append("\"")
            }
            append("}")
        }
        append(" \(ExpositionText.number(value))\n")
    }

    mutating func histogram(
        _ name: String, _ labels: [(String, String)], _ histogram: Histogram
    ) {
        let counts = histogram.cumulative
        for (bound, count) in zip(histogram.bounds + [.infinity], counts) {
            sample("\(name)_bucket", labels + [("le", ExpositionText.number(bound))], count)
        }
        sample("\(name)_sum", labels, histogram.sum)
        // The same reading as the last bucket, so that the two always agree.
        sample("\(name)_count", labels, counts.last ?? 0)
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(value) < 9e15 { return "\(whole)" }
        return "\(value)"
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func appendEscaped(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\"") where quotes: append("\\\"")
            default: bytes.append(byte)
            }
        }
    }
}

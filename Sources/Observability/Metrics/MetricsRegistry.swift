internal import Synchronization

/// The metrics of a process, and their text for Prometheus (format 0.0.4).
///
/// Asking twice for one name gives the same metric. Thread-safe.
public final class MetricsRegistry: Sendable {
    /// The content type of `exposition()`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private struct Entry: Sendable {
        let help: String
        let kind: Kind
    }

    private enum Kind: Sendable {
        case counters(MetricFamily<Counter>)
        case gauges(MetricFamily<Gauge>)
        case histograms(MetricFamily<Histogram>)
        case computed(type: String, @Sendable () -> Double?)
    }

    private let entries: Mutex<[String: Entry]> = Mutex([:])

    /// A registry without metrics.
    public init() {}

    /// A sum without labels.
    public func counter(_ name: String, _ help: String) -> Counter {
        counters(name, help, labels: []).labelled([])
    }

    /// Sums with labels.
    public func counters(
        _ name: String, _ help: String, labels: [String]
    ) -> MetricFamily<Counter> {
        let fresh = MetricFamily(labelNames: labels) { Counter() }
        guard case .counters(let family) = register(name, help, .counters(fresh)) else {
            preconditionFailure("\(name) is a metric of another type already")
        }
        return family
    }

    /// A number without labels.
    public func gauge(_ name: String, _ help: String) -> Gauge {
        gauges(name, help, labels: []).labelled([])
    }

    /// Numbers with labels.
    public func gauges(_ name: String, _ help: String, labels: [String]) -> MetricFamily<Gauge> {
        let fresh = MetricFamily(labelNames: labels) { Gauge() }
        guard case .gauges(let family) = register(name, help, .gauges(fresh)) else {
            preconditionFailure("\(name) is a metric of another type already")
        }
        return family
    }

    /// A number that is worked out whenever somebody looks; nil leaves it out.
    ///
    /// The closure runs on the thread that asks for the exposition.
    public func gauge(
        _ name: String, _ help: String, value: @escaping @Sendable () -> Double?
    ) {
        _ = register(name, help, .computed(type: "gauge", value))
    }

    /// A sum that is worked out whenever somebody looks; nil leaves it out.
    public func counter(
        _ name: String, _ help: String, value: @escaping @Sendable () -> Double?
    ) {
        _ = register(name, help, .computed(type: "counter", value))
    }

    /// Counts by size without labels.
    public func histogram(
        _ name: String, _ help: String, bounds: [Double] = Histogram.durations
    ) -> Histogram {
        histograms(name, help, labels: [], bounds: bounds).labelled([])
    }

    /// Counts by size with labels.
    public func histograms(
        _ name: String, _ help: String, labels: [String],
        bounds: [Double] = Histogram.durations
    ) -> MetricFamily<Histogram> {
        let sorted = bounds.filter { $0.isFinite }.sorted()
        let fresh = MetricFamily(labelNames: labels) { Histogram(bounds: sorted) }
        guard case .histograms(let family) = register(name, help, .histograms(fresh)) else {
            preconditionFailure("\(name) is a metric of another type already")
        }
        return family
    }

    private func register(_ name: String, _ help: String, _ kind: Kind) -> Kind {
        precondition(!name.isEmpty && name.utf8.allSatisfy(isNameByte), "\(name) is no metric name")
        return entries.withLock { entries in
            if let known = entries[name] { return known.kind }
            entries[name] = Entry(help: help, kind: kind)
            return kind
        }
    }

    /// Every metric as text, ordered by name.
    public func exposition() -> [UInt8] {
        // Computed values may take locks of their own, so ours is not held while they run.
        let entries = entries.withLock { $0.sorted { $0.key < $1.key } }
        var text = ExpositionText()
        for (name, entry) in entries {
            switch entry.kind {
            case .counters(let family):
                text.begin(name, help: entry.help, type: "counter")
                for (labels, series) in family.all { text.sample(name, labels, series.value) }
            case .gauges(let family):
                text.begin(name, help: entry.help, type: "gauge")
                for (labels, series) in family.all { text.sample(name, labels, series.value) }
            case .computed(let type, let value):
                guard let value = value() else { continue }
                text.begin(name, help: entry.help, type: type)
                text.sample(name, [], value)
            case .histograms(let family):
                text.begin(name, help: entry.help, type: "histogram")
                for (labels, series) in family.all { text.histogram(name, labels, series) }
            }
        }
        return text.bytes
    }
}

private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
        return true
    default: return false
    }
}

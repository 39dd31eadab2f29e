/// What the demo's users saw since the last line of the live view, and since the start.
final class DemoStatistics {
    var sent = 0
    var answers = 0
    private(set) var deliveries = 0
    private(set) var failures: [String: Int] = [:]
    private var window: [Int64] = []
    private var all: [Int64] = []

    /// A message reached a user after so many microseconds.
    func delivered(after microseconds: Int64) {
        deliveries += 1
        window.append(microseconds)
        // Enough for every percentile, however long the demo runs.
        if all.count < 1_000_000 { all.append(microseconds) }
    }

    func failed(_ reason: String) { failures[reason, default: 0] += 1 }

    /// Percentiles in milliseconds since the last call.
    func takeWindow() -> (count: Int, p50: Double, p99: Double) {
        defer { window.removeAll(keepingCapacity: true) }
        return (window.count, percentile(0.5, of: &window), percentile(0.99, of: &window))
    }

    /// Percentiles in milliseconds since the start.
    func total() -> (p50: Double, p95: Double, p99: Double) {
        (percentile(0.5, of: &all), percentile(0.95, of: &all), percentile(0.99, of: &all))
    }

    private func percentile(_ fraction: Double, of values: inout [Int64]) -> Double {
        guard !values.isEmpty else { return 0 }
        values.sort()
        let index = min(values.count - 1, Int(Double(values.count) * fraction))
        return Double(values[index]) / 1000
    }
}

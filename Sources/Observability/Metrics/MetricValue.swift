internal import Synchronization

/// A floating-point number that threads change without a lock.
final class MetricValue: Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: current) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(
                expected: current, desired: sum, ordering: .relaxed)
            if exchanged { return }
            current = original
        }
    }
}

/// A number of a series that only grows. Incrementing neither locks nor allocates.
public final class Counter: Sendable {
    private let count = MetricValue()

    init() {}

    /// The sum so far.
    public var value: Double { count.value }

    /// Adds to the sum; what is negative or not a number is ignored.
    public func increment(by amount: Double = 1) {
        guard amount >= 0 else { return }
        count.add(amount)
    }

    /// Adds to the sum.
    public func increment(by amount: Int) { increment(by: Double(amount)) }
}

/// A number of a series that goes up and down. Changing it neither locks nor allocates.
public final class Gauge: Sendable {
    private let level = MetricValue()

    init() {}

    /// The number now.
    public var value: Double { level.value }

    /// Replaces the number.
    public func set(_ value: Double) { level.set(value) }

    /// Replaces the number.
    public func set(_ value: Int) { level.set(Double(value)) }

    /// Adds to the number.
    public func increment(by amount: Double = 1) { level.add(amount) }

    /// Takes from the number.
    public func decrement(by amount: Double = 1) { level.add(-amount) }
}

/// Counts of observations by size. Observing neither locks nor allocates.
public final class Histogram: Sendable {
    /// Upper bounds for durations of requests, in seconds.
    public static let durations: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    let bounds: [Double]
    private let counts: [MetricValue]
    private let total = MetricValue()

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in MetricValue() }
    }

    /// Counts an observation; what is not a number is ignored.
    public func observe(_ value: Double) {
        guard !value.isNaN else { return }
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if value <= bounds[middle] { high = middle } else { low = middle + 1 }
        }
        counts[low].add(1)
        total.add(value)
    }

    /// Counts a span of time in seconds.
    public func observe(_ span: Duration) {
        let (seconds, attoseconds) = span.components
        observe(Double(seconds) + Double(attoseconds) / 1e18)
    }

    /// How many observations there were.
    public var count: Double { counts.reduce(0) { $0 + $1.value } }

    /// The sum of all observations.
    public var sum: Double { total.value }

    /// The counts up to each bound, the last one without bound.
    var cumulative: [Double] {
        var running = 0.0
        return counts.map {
            running += $0.value
            return running
        }
    }
}

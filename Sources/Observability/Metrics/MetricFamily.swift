internal import Synchronization

/// Series of one name that differ in their labels.
///
/// Ask for a series once and keep it: finding it takes a lock, changing it does not.
public final class MetricFamily<Series: Sendable>: Sendable {
    /// Series that a family may have. Beyond it all further ones share one series, in which every
    /// label reads "other", so that labels from outside cannot fill the memory.
    public static var seriesMax: Int { 2000 }

    /// The names of the labels.
    public let labelNames: [String]
    private let series: Mutex<[[String]: Series]> = Mutex([:])
    private let make: @Sendable () -> Series

    init(labelNames: [String], make: @escaping @Sendable () -> Series) {
        self.labelNames = labelNames
        self.make = make
    }

    /// The series with these label values, in the order of the names; made if need be.
    public func labelled(_ values: String...) -> Series { labelled(values) }

    /// The series with these label values, in the order of the names; made if need be.
    public func labelled(_ values: [String]) -> Series {
        precondition(values.count == labelNames.count, "one value for each label")
        return series.withLock { series in
            if let found = series[values] { return found }
            var values = values
            if series.count >= Self.seriesMax {
                values = labelNames.map { _ in "other" }
                if let found = series[values] { return found }
            }
            let fresh = make()
            series[values] = fresh
            return fresh
        }
    }

    /// Forgets a series, for example that of a closed connection. Whoever holds it may still use it.
    public func remove(_ values: String...) {
        series.withLock { _ = $0.removeValue(forKey: values) }
    }

    /// Every series with its labels, in their order.
    var all: [(labels: [(String, String)], series: Series)] {
        series.withLock { series in
            series.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { values, series in
                (Array(zip(labelNames, values)), series)
            }
        }
    }
}

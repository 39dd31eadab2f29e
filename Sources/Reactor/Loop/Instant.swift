internal import CReactor

/// A moment on the monotonic clock (CLOCK_MONOTONIC), in nanoseconds since an arbitrary start.
public struct Instant: Sendable, Hashable, Comparable {
    /// Nanoseconds since the clock's start.
    public var nanoseconds: UInt64

    /// A moment by its reading.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The clock's reading now. On a loop prefer ``EventLoop/now``, which is read once a turn.
    public static var now: Instant { Instant(nanoseconds: creactor_monotonic_nanoseconds()) }

    /// Orders moments by time.
    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The time from `right` to `left`.
    public static func - (left: Instant, right: Instant) -> Duration {
        .nanoseconds(Int64(bitPattern: left.nanoseconds &- right.nanoseconds))
    }

    /// The moment `right` after `left`; saturates instead of overflowing.
    public static func + (left: Instant, right: Duration) -> Instant {
        Instant(nanoseconds: left.nanoseconds.addingSaturated(right.wholeNanoseconds))
    }
}

extension Duration {
    /// Whole nanoseconds, clamped to 0...Int64.max: as a wait, anything negative means now.
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (scaled, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return UInt64(Int64.max) }
        return min(
            scaled.addingSaturated(UInt64(attoseconds) / 1_000_000_000), UInt64(Int64.max))
    }

    /// The duration in seconds, for reports.
    public var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }

    /// The duration in whole milliseconds, rounded down.
    public var inMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}

extension UInt64 {
    func addingSaturated(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

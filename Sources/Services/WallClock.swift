import Glibc

/// The time of day, as events and tokens record it.
public struct WallClock: Sendable {
    private let read: @Sendable () -> Int64

    /// A clock that reads milliseconds since 1970 from `read`.
    public init(_ read: @escaping @Sendable () -> Int64) {
        self.read = read
    }

    /// The machine's clock.
    public static let system = WallClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Milliseconds since 1970.
    public var now: Int64 { read() }
}

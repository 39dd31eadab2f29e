/// The two clocks of a link, read by whoever drives it.
public struct LinkTime: Sendable, Hashable {
    /// Time since some fixed moment, never going back: what intervals are measured with.
    public var monotonic: Duration
    /// Milliseconds since 1970: what is written into `PING`.
    public var unixMilliseconds: Int64

    /// A reading of both clocks.
    public init(monotonic: Duration, unixMilliseconds: Int64) {
        self.monotonic = monotonic
        self.unixMilliseconds = unixMilliseconds
    }
}

/// The intervals of a link.
public struct LinkTiming: Sendable, Hashable {
    /// How long after the last line that was sent a `PING` is due.
    public var pingInterval: Duration
    /// How long a peer that pings may be silent.
    public var silenceMax: Duration

    /// The protocol's five and twenty-five seconds, or others.
    public init(pingInterval: Duration = .seconds(5), silenceMax: Duration = .seconds(25)) {
        self.pingInterval = pingInterval
        self.silenceMax = silenceMax
    }
}

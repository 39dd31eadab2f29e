/// Limits and socket options of a channel.
public struct ChannelOptions: Sendable {
    /// Queued output, in bytes, from which ``Channel/isWritable`` is false.
    public var highWaterMark: Int
    /// Queued output, in bytes, below which it is true again.
    public var lowWaterMark: Int
    /// Whether small segments are sent at once (TCP_NODELAY). See tcp(7).
    public var noDelay: Bool
    /// How the kernel probes idle peers (SO_KEEPALIVE); `nil`: not at all. See tcp(7).
    public var keepAlive: TCPKeepAlive?
    /// How long sent bytes may stay unacknowledged before the connection fails with ETIMEDOUT, to
    /// the millisecond (TCP_USER_TIMEOUT); `nil`: the kernel's fifteen minutes or so. A peer whose
    /// window stays closed counts too.
    public var unacknowledgedTimeout: Duration?
    /// The kernel's receive buffer in bytes (SO_RCVBUF), which it doubles for its own use; `nil`
    /// lets it grow as needed, which is right for most. See socket(7).
    public var receiveBuffer: Int32?
    /// The kernel's send buffer in bytes (SO_SNDBUF), likewise.
    public var sendBuffer: Int32?
    /// How long a closing channel may take to write what is queued, and then to see the peer's
    /// FIN, before it is closed by force.
    public var lingerTimeout: Duration

    /// The defaults: a mebibyte and a quarter of it, no delay, no probes, the kernel's buffers and
    /// time limits, five seconds to linger.
    public init(
        highWaterMark: Int = 1 << 20, lowWaterMark: Int = 1 << 18, noDelay: Bool = true,
        keepAlive: TCPKeepAlive? = nil, unacknowledgedTimeout: Duration? = nil,
        receiveBuffer: Int32? = nil, sendBuffer: Int32? = nil,
        lingerTimeout: Duration = .seconds(5)
    ) {
        self.highWaterMark = highWaterMark
        self.lowWaterMark = lowWaterMark
        self.noDelay = noDelay
        self.keepAlive = keepAlive
        self.unacknowledgedTimeout = unacknowledgedTimeout
        self.receiveBuffer = receiveBuffer
        self.sendBuffer = sendBuffer
        self.lingerTimeout = lingerTimeout
    }
}

/// How the kernel finds out whether an idle peer is still there. See tcp(7).
public struct TCPKeepAlive: Sendable, Hashable {
    /// The silence before the first probe, in whole seconds from 1 to 32,767 (TCP_KEEPIDLE); `nil`:
    /// the system's, two hours by default.
    public var idle: Duration?
    /// The time between probes, likewise (TCP_KEEPINTVL); `nil`: 75 seconds by default.
    public var interval: Duration?
    /// Unanswered probes, up to 127, before the connection fails (TCP_KEEPCNT); `nil`: nine by
    /// default.
    public var count: Int32?

    /// Probes at the system's pace where nothing else is said.
    public init(idle: Duration? = nil, interval: Duration? = nil, count: Int32? = nil) {
        self.idle = idle
        self.interval = interval
        self.count = count
    }
}

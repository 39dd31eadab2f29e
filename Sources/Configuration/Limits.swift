/// Which system interface the event loop uses (`event_loop.backend`).
public enum EventLoopBackend: String, Sendable, Hashable, CaseIterable {
    /// io_uring where the kernel has what is needed, else epoll.
    case auto
    /// epoll.
    case epoll
    /// io_uring, or the process does not start.
    case ioUring = "io_uring"
}

/// What an HTTP client may ask of a listener (`http_limits`).
public struct HTTPLimitsConfiguration: Sendable, Hashable {
    /// Request line and headers together, in bytes (`max_header_size`).
    public var headerBytesMax = 32 << 10
    /// Headers of a request (`max_header_count`).
    public var headerCountMax = 100
    /// A request's body in bytes (`max_request_body_size`).
    public var bodyBytesMax = 12800 << 10
    /// How long a connection may stay silent between requests, or leave an answer unread
    /// (`idle_timeout`).
    public var idleTimeout = Duration.seconds(90)

    /// The limits that hold where nothing is configured.
    public init() {}
}

/// What a replication connection may cost (`replication_limits`).
public struct ReplicationLimitsConfiguration: Sendable, Hashable {
    /// A line of the protocol in bytes (`max_line_size`).
    public var lineBytesMax = 1 << 20
    /// Bytes waiting for one connection before it is closed as too slow (`max_pending_size`).
    public var pendingBytesMax = 64 << 20
    /// Connections at once (`max_connections`).
    public var connectionsMax = 1000
    /// Silence after which a PING is sent (`ping_interval`).
    public var pingInterval = Duration.seconds(5)
    /// Silence after which the connection is given up (`idle_timeout`).
    public var idleTimeout = Duration.seconds(25)

    /// The limits that hold where nothing is configured.
    public init() {}
}

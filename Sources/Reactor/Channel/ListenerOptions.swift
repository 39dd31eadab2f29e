/// Options of a listening socket.
public struct ListenerOptions: Sendable {
    /// How many connections may wait to be accepted; the kernel caps it at
    /// `net.core.somaxconn`. See listen(2).
    public var backlog: Int32
    /// Whether several sockets may listen on the address, the kernel spreading connections over
    /// them (SO_REUSEPORT). See socket(7).
    public var reusePort: Bool
    /// Whether an IPv6 socket on `::` leaves IPv4 alone (IPV6_V6ONLY), so that another may listen
    /// on `0.0.0.0` with the same port. Without it IPv4 clients come as `::ffff:1.2.3.4`.
    public var ipv6Only: Bool
    /// The permission bits of a Unix socket's file; `nil` leaves what the umask gives.
    public var unixMode: UInt32?
    /// Options of the channels that are accepted.
    public var channel: ChannelOptions
    /// What encrypts the channels that are accepted; `nil`: nothing does.
    public var security: (any ChannelSecurity)?

    /// The defaults: a backlog of 1,024 and the channel's defaults.
    public init(
        backlog: Int32 = 1024, reusePort: Bool = false, ipv6Only: Bool = true,
        unixMode: UInt32? = nil, channel: ChannelOptions = ChannelOptions(),
        security: (any ChannelSecurity)? = nil
    ) {
        self.backlog = backlog
        self.reusePort = reusePort
        self.ipv6Only = ipv6Only
        self.unixMode = unixMode
        self.channel = channel
        self.security = security
    }
}

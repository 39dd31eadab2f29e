internal import CReactor
internal import Glibc

/// Socket options as the kernel has them.
extension Driver {
    /// Sets what `options` says; before connect(2) or listen(2), since a buffer's size decides on the
    /// window that the handshake offers.
    package func configure(
        _ descriptor: Int32, _ options: ChannelOptions, isTCP: Bool
    ) throws(SystemError) {
        if let bytes = options.receiveBuffer { try set(descriptor, SOL_SOCKET, SO_RCVBUF, bytes) }
        if let bytes = options.sendBuffer { try set(descriptor, SOL_SOCKET, SO_SNDBUF, bytes) }
        guard isTCP else { return }
        let tcp = Int32(IPPROTO_TCP)
        if options.noDelay { try set(descriptor, tcp, TCP_NODELAY, 1) }
        if let limit = options.unacknowledgedTimeout {
            try set(descriptor, tcp, TCP_USER_TIMEOUT, Int32(clamping: limit.inMilliseconds))
        }
        guard let probes = options.keepAlive else { return }
        try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        if let idle = probes.idle { try set(descriptor, tcp, TCP_KEEPIDLE, seconds(idle)) }
        if let interval = probes.interval {
            try set(descriptor, tcp, TCP_KEEPINTVL, seconds(interval))
        }
        if let count = probes.count { try set(descriptor, tcp, TCP_KEEPCNT, count) }
    }

    func set(
        _ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32
    ) throws(SystemError) {
        _ = try system("setsockopt") { creactor_set_option(descriptor, level, name, value) }
    }

    private func seconds(_ duration: Duration) -> Int32 {
        Int32(clamping: max(1, duration.components.seconds))
    }
}

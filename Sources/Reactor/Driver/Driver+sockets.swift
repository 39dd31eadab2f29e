internal import CReactor
internal import Glibc

/// Sockets and the clock as the kernel has them.
extension Driver {
    package func begin(hosted: Bool) {}

    package var now: Instant { Instant.now }

    package func openSocket(for address: SocketAddress) throws(SystemError) -> Int32 {
        try system("socket") { creactor_stream_socket(address.family) }
    }

    package func openListener(
        on address: SocketAddress, options: ListenerOptions
    ) throws(SystemError) -> (descriptor: Int32, address: SocketAddress) {
        let descriptor = Descriptor(
            owning: try system("socket") { creactor_stream_socket(address.family) })
        let raw = descriptor.raw
        if case .unix(let path) = address {
            removeStaleSocket(at: path, address)
        } else {
            _ = creactor_set_option(raw, SOL_SOCKET, SO_REUSEADDR, 1)
            if options.reusePort { _ = creactor_set_option(raw, SOL_SOCKET, SO_REUSEPORT, 1) }
            // "::" and "0.0.0.0" on one port must not exclude each other.
            if address.family == AF_INET6 {
                _ = creactor_set_option(raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
            }
        }
        try address.withSockaddr { pointer, length throws(SystemError) in
            _ = try system("bind") { bind(raw, pointer, length) }
        }
        if case .unix(let path) = address, let mode = options.unixMode {
            try system("chmod") { chmod(path, mode_t(mode)) }
        }
        try system("listen") { Glibc.listen(raw, options.backlog) }
        let real = SocketAddress { getsockname(raw, $0, $1) } ?? address
        return (descriptor.release(), real)
    }

    /// A file that refuses connections was left behind by a process that is gone.
    private func removeStaleSocket(at path: String, _ address: SocketAddress) {
        let probe = creactor_stream_socket(AF_UNIX)
        guard probe >= 0 else { return }
        let owner = Descriptor(owning: probe)
        let refused: Bool? = try? address.withSockaddr { pointer, length in
            Glibc.connect(owner.raw, pointer, length) < 0 && errno == ECONNREFUSED
        }
        if refused == true { unlink(path) }
    }

    package func configure(_ descriptor: Int32, _ options: ChannelOptions) {
        // Not for Unix sockets, where the option does not exist.
        if options.noDelay {
            _ = creactor_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        }
        if options.keepAlive { _ = creactor_set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1) }
    }

    package func shutdownOutput(_ descriptor: Int32) {
        // Fails only where the peer has reset already, which the next receive reports.
        _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    package func resetOnClose(_ descriptor: Int32) { _ = creactor_reset_on_close(descriptor) }
}

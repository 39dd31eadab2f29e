internal import CReactor
internal import Glibc

/// Sockets and the clock as the kernel has them.
extension Driver {
    package func begin(hosted: Bool) {}

    package var now: Instant { Instant.now }

    package func openSocket(
        for address: SocketAddress, options: ChannelOptions
    ) throws(SystemError) -> Int32 {
        let descriptor = Descriptor(
            owning: try system("socket") { creactor_stream_socket(address.family) })
        try configure(descriptor.raw, options, isTCP: address.isTCP)
        return descriptor.release()
    }

    package func openListener(
        on address: SocketAddress, options: ListenerOptions
    ) throws(SystemError) -> (descriptor: Int32, address: SocketAddress) {
        let descriptor = Descriptor(
            owning: try system("socket") { creactor_stream_socket(address.family) })
        let raw = descriptor.raw
        // Accepted TCP sockets inherit all of these, which saves calls for each of them; and a
        // receive buffer's size counts from the handshake on.
        try configure(raw, options.channel, isTCP: address.isTCP)
        if case .unix(let path) = address {
            try removeDeadSocket(at: path, address)
        } else {
            try set(raw, SOL_SOCKET, SO_REUSEADDR, 1)
            if options.reusePort { try set(raw, SOL_SOCKET, SO_REUSEPORT, 1) }
            // "::" and "0.0.0.0" on one port must not exclude each other.
            if address.family == AF_INET6 {
                try set(raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, options.ipv6Only ? 1 : 0)
            }
        }
        try address.withSockaddr { pointer, length throws(SystemError) in
            _ = try system("bind") { bind(raw, pointer, length) }
        }
        if case .unix(let path) = address, !address.isAbstract, let mode = options.unixMode {
            try system("chmod") { chmod(path, mode_t(mode)) }
        }
        try system("listen") { Glibc.listen(raw, options.backlog) }
        let real = SocketAddress { getsockname(raw, $0, $1) } ?? address
        return (descriptor.release(), real)
    }

    /// A socket that refuses connections was left behind by a process that is gone. Anything else
    /// stays, and bind(2) will say EADDRINUSE: a live socket, one whose queue is full (EAGAIN), one
    /// that is not ours to try (EACCES), and what is no socket at all, which would refuse as well.
    private func removeDeadSocket(at path: String, _ address: SocketAddress) throws(SystemError) {
        guard !address.isAbstract, FileIdentity(ofSocketAt: path) != nil else { return }
        let probe = Descriptor(owning: try system("socket") { creactor_stream_socket(AF_UNIX) })
        let isDead = try address.withSockaddr { pointer, length throws(SystemError) in
            Glibc.connect(probe.raw, pointer, length) < 0 && errno == ECONNREFUSED
        }
        if isDead { unlink(path) }
    }

    package func shutdownOutput(_ descriptor: Int32) {
        // Fails only where the peer has reset already, which the next receive reports.
        _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    package func resetOnClose(_ descriptor: Int32) { _ = creactor_reset_on_close(descriptor) }

    /// The call itself, for drivers.
    func sendFile(
        _ file: Int32, from offset: Int64, count: Int, on descriptor: Int32
    ) -> SendOutcome {
        while true {
            let sent = creactor_send_file(descriptor, file, offset, count)
            if sent >= 0 { return .sent(sent) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .blocked
            case let code: return .failed(code)
            }
        }
    }

    package func shed(_ listener: Int32, reserve: inout Int32) -> Int {
        Int(creactor_shed(listener, &reserve, 256))
    }
}

/// Which file a path names, so that it can be known again.
struct FileIdentity: Equatable {
    private let device: dev_t
    private let inode: ino_t

    /// `nil` unless the path names a socket.
    init?(ofSocketAt path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        device = status.st_dev
        inode = status.st_ino
    }
}

internal import Glibc

/// Options of a listening socket.
public struct ListenerOptions: Sendable {
    /// How many connections may wait to be accepted. See listen(2).
    public var backlog: Int32
    /// Whether several sockets may listen on the address, the kernel spreading connections over
    /// them (SO_REUSEPORT). See socket(7).
    public var reusePort: Bool
    /// The permission bits of a Unix socket's file; `nil` leaves what the umask gives.
    public var unixMode: UInt32?
    /// Options of the channels that are accepted.
    public var channel: ChannelOptions
    /// What encrypts the channels that are accepted; `nil`: nothing does.
    public var security: (any ChannelSecurity)?

    /// The defaults: a backlog of 1,024 and the channel's defaults.
    public init(
        backlog: Int32 = 1024, reusePort: Bool = false, unixMode: UInt32? = nil,
        channel: ChannelOptions = ChannelOptions(), security: (any ChannelSecurity)? = nil
    ) {
        self.backlog = backlog
        self.reusePort = reusePort
        self.unixMode = unixMode
        self.channel = channel
        self.security = security
    }
}

/// A listening socket on a loop; open until ``close(on:)`` or the loop stops.
public final class Listener {
    private let descriptor: Int32
    private let options: ListenerOptions
    private let accept: (Channel) -> any ChannelHandler
    fileprivate var token: Token?
    private var isPaused = false

    /// Where it listens, with the real port where 0 was asked for.
    public let localAddress: SocketAddress

    fileprivate init(
        _ descriptor: consuming Descriptor, _ address: SocketAddress, _ options: ListenerOptions,
        _ accept: @escaping (Channel) -> any ChannelHandler
    ) {
        self.descriptor = descriptor.release()
        self.options = options
        self.accept = accept
        localAddress = address
    }

    /// Stops accepting and frees the address. Channels that were accepted go on.
    public func close(on loop: isolated EventLoop) {
        guard let token = token.take() else { return }
        loop.driver.forget(descriptor, token: token)
        loop.remove(token)
        Glibc.close(descriptor)
        if case .unix(let path) = localAddress { unlink(path) }
    }

    func handle(_ event: Completion.Event, on loop: isolated EventLoop) {
        switch event {
        case .accepted(let accepted):
            let channel = Channel(Descriptor(owning: accepted), options: options.channel, on: loop)
            guard secure(channel, on: loop) else { return channel.abort(on: loop) }
            channel.start(accept(channel), on: loop)
        case .acceptFailed: pause(on: loop)
        case .received, .endOfInput, .receiveFailed, .writable, .sent, .sendFailed, .connected,
            .ready:
            break
        }
    }

    private func secure(_ channel: Channel, on loop: isolated EventLoop) -> Bool {
        guard let security = options.security else { return true }
        guard let filter = try? security.makeFilter(on: loop) else { return false }
        channel.install(filter)
        return true
    }

    /// Descriptors or memory have run out: the waiting connection would be reported again and
    /// again, so accepting rests until some may have been freed.
    private func pause(on loop: isolated EventLoop) {
        guard let token, !isPaused else { return }
        isPaused = true
        loop.driver.setAccepting(false, on: descriptor, token: token)
        loop.schedule(after: .milliseconds(100)) {
            guard let token = self.token else { return }
            self.isPaused = false
            loop.driver.setAccepting(true, on: self.descriptor, token: token)
        }
    }
}

extension EventLoop {
    /// Listens on `address` and calls `accept` for each connection, which returns its handler.
    ///
    /// A Unix socket's file that nobody listens on any more is replaced. Throws EADDRINUSE,
    /// EACCES, EADDRNOTAVAIL and the like as bind(2) and listen(2) do.
    public func listen(
        on address: SocketAddress, options: ListenerOptions = ListenerOptions(),
        accept: @escaping (Channel) -> any ChannelHandler
    ) throws(SystemError) -> Listener {
        let (raw, real) = try driver.openListener(on: address, options: options)
        let listener = Listener(Descriptor(owning: raw), real, options, accept)
        let token = insert(.listener(listener))
        listener.token = token
        do throws(SystemError) {
            try driver.accept(on: raw, token: token)
        } catch {
            listener.close(on: self)
            throw error
        }
        return listener
    }
}

internal import CReactor
internal import Glibc

/// A listening socket on a loop; open until ``close(on:)`` or the loop stops.
///
/// When accepting fails because descriptors have run out (EMFILE, ENFILE), the listener gives up a
/// descriptor that it keeps in reserve, accepts with it what waits, and closes that at once:
/// clients learn quickly that they are not served, instead of hanging in the backlog. Then it rests
/// for ten milliseconds, twice as long after each further failure, up to 320, and tries again.
/// Other failures, such as ENOBUFS and ENOMEM, make it rest likewise. ``onTrouble`` tells.
public final class Listener {
    private let descriptor: Int32
    private let options: ListenerOptions
    private let accept: (Channel) -> any ChannelHandler
    fileprivate var token: Token?
    /// The socket's file, so that closing does not remove a successor's.
    private let file: FileIdentity?
    private var reserve: Int32
    private var resumption: Timer?
    private var failures = 0
    /// Takes the descriptors of accepted connections instead of this loop.
    var divert: ((Int32) -> Void)?

    /// Where it listens, with the real port where 0 was asked for.
    public let localAddress: SocketAddress

    /// What the listener has done so far.
    public private(set) var statistics = ListenerStatistics()

    /// Called on the loop whenever accepting fails; at most a hundred times a second.
    public var onTrouble: ((AcceptTrouble) -> Void)?

    fileprivate init(
        _ descriptor: consuming Descriptor, _ address: SocketAddress, _ options: ListenerOptions,
        _ accept: @escaping (Channel) -> any ChannelHandler
    ) {
        self.descriptor = descriptor.release()
        self.options = options
        self.accept = accept
        localAddress = address
        if case .unix(let path) = address, !address.isAbstract {
            file = FileIdentity(ofSocketAt: path)
        } else {
            file = nil
        }
        reserve = creactor_reserve()
    }

    /// Stops accepting and frees the address. Channels that were accepted go on.
    public func close(on loop: isolated EventLoop) {
        guard let token = token.take() else { return }
        if let resumption = resumption.take() { loop.cancel(resumption) }
        loop.driver.forget(descriptor, token: token)
        loop.remove(token)
        Glibc.close(descriptor)
        if reserve >= 0 { Glibc.close(reserve) }
        reserve = -1
        onTrouble = nil
        guard let file, case .unix(let path) = localAddress else { return }
        if FileIdentity(ofSocketAt: path) == file { unlink(path) }
    }

    func handle(_ event: Completion.Event, on loop: isolated EventLoop) {
        switch event {
        case .accepted(let accepted):
            statistics.accepted += 1
            failures = 0
            if let divert { return divert(accepted) }
            loop.adopt(
                Descriptor(owning: accepted), isTCP: localAddress.isTCP, options: options,
                accept: accept)
        case .acceptFailed(let code): rest(after: code, on: loop)
        case .received, .endOfInput, .receiveFailed, .writable, .sent, .sendFailed, .connected,
            .ready:
            break
        }
    }

    /// The waiting connection would be reported again and again, so accepting rests until something
    /// may have been freed.
    private func rest(after code: Int32, on loop: isolated EventLoop) {
        guard let token, resumption == nil else { return }
        loop.driver.setAccepting(false, on: descriptor, token: token)
        let isExhausted = code == EMFILE || code == ENFILE
        let shed = isExhausted ? loop.driver.shed(descriptor, reserve: &reserve) : 0
        let pause = Duration.milliseconds(10 << min(failures, 5))
        failures += 1
        statistics.shed += shed
        statistics.pauses += 1
        resumption = loop.schedule(after: pause) {
            self.resumption = nil
            guard let token = self.token else { return }
            loop.driver.setAccepting(true, on: self.descriptor, token: token)
        }
        onTrouble?(
            AcceptTrouble(
                error: SystemError("accept", code: code), shed: shed, pause: pause))
    }
}

/// What a listener has done since it was made.
public struct ListenerStatistics: Sendable, Hashable {
    /// Connections that became channels.
    public var accepted = 0
    /// Connections that were accepted and closed at once, for want of descriptors.
    public var shed = 0
    /// Rests after failures.
    public var pauses = 0

    /// Nothing yet.
    public init() {}
}

/// Why a listener rests.
public struct AcceptTrouble: Sendable, Hashable {
    /// What accept(2) said, such as EMFILE.
    public var error: SystemError
    /// Connections that were closed at once, so that their clients need not wait.
    public var shed: Int
    /// How long accepting rests.
    public var pause: Duration
}

extension EventLoop {
    /// Listens on `address` and calls `accept` for each connection, which returns its handler.
    ///
    /// A Unix socket's file that nobody listens on any more is replaced; a live one, or a file of
    /// another kind, is EADDRINUSE. Throws that, EACCES, EADDRNOTAVAIL and the like as bind(2) and
    /// listen(2) do.
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

    /// Makes a channel of a connection that was accepted by a listener with these options.
    func adopt(
        _ descriptor: consuming Descriptor, isTCP: Bool, options: ListenerOptions,
        accept: (Channel) -> any ChannelHandler
    ) {
        if !isTCP {
            // TCP sockets have inherited theirs. These are about buffers alone, and a socket
            // without the wish is still a socket.
            try? driver.configure(descriptor.raw, options.channel, isTCP: false)
        }
        let channel = Channel(descriptor, options: options.channel, on: self)
        if let security = options.security {
            guard let filter = try? security.makeFilter(on: self) else {
                return channel.abort(on: self)
            }
            channel.install(filter)
        }
        channel.start(accept(channel), on: self)
    }
}

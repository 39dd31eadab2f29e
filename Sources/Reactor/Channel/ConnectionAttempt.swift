internal import Glibc

/// A connection under way, with the task that waits for it.
final class ConnectionAttempt {
    private let descriptor: Int32
    fileprivate var token: Token?
    fileprivate var timer: Timer?
    private var waiter: UnsafeContinuation<Int32, Never>?

    fileprivate init(_ descriptor: Int32) { self.descriptor = descriptor }

    fileprivate func wait(_ continuation: UnsafeContinuation<Int32, Never>) {
        waiter = continuation
    }

    func handle(_ event: Completion.Event, on loop: isolated EventLoop) {
        if case .connected(let code) = event { end(with: code, on: loop) }
    }

    /// Ends the attempt: 0 keeps the descriptor and its slot for the channel.
    func end(with code: Int32, on loop: isolated EventLoop) {
        guard let waiter = waiter.take() else { return }
        if let timer = timer.take() { loop.cancel(timer) }
        if code != 0, let token = token.take() {
            loop.driver.forget(descriptor, token: token)
            loop.remove(token)
            close(descriptor)
        }
        waiter.resume(returning: code)
    }
}

extension EventLoop {
    /// Connects to `address` and returns the channel, whose handler `makeHandler` gives.
    ///
    /// With `security` the handshake belongs to connecting: `timeout` covers it, and why it failed
    /// is thrown. Throws ETIMEDOUT after `timeout`, ECANCELED when the loop stops, and what
    /// connect(2) says, such as ECONNREFUSED.
    public func connect(
        to address: SocketAddress, timeout: Duration, options: ChannelOptions = ChannelOptions(),
        security: (any ChannelSecurity)? = nil, handler makeHandler: (Channel) -> any ChannelHandler
    ) async throws(SystemError) -> Channel {
        guard !isStopped else { throw .cancelled("connect") }
        let deadline = now + timeout
        var descriptor: Descriptor? = Descriptor(
            owning: try driver.openSocket(for: address))
        guard let raw = descriptor?.raw else { throw .cancelled("connect") }
        let attempt = ConnectionAttempt(raw)
        let token = insert(.connecting(attempt))
        do throws(SystemError) {
            try driver.connect(raw, to: address, token: token)
        } catch {
            remove(token)
            throw error
        }
        attempt.token = token
        // From here the attempt owns the descriptor, until it succeeds.
        if let owner = descriptor.take() { _ = owner.release() }
        attempt.timer = schedule(after: timeout) { attempt.end(with: ETIMEDOUT, on: self) }
        let code = await withUnsafeContinuation(isolation: self) { attempt.wait($0) }
        guard code == 0 else { throw SystemError("connect", code: code) }
        let channel = Channel(
            Descriptor(owning: raw), options: options, on: self, token: token)
        if let security { try await secure(channel, by: security, until: deadline) }
        channel.start(makeHandler(channel), on: self)
        return channel
    }

    private func secure(
        _ channel: Channel, by security: any ChannelSecurity, until deadline: Instant
    ) async throws(SystemError) {
        do throws(SystemError) {
            channel.install(try security.makeFilter(on: self))
        } catch {
            channel.abort(on: self)
            throw error
        }
        let timer = schedule(after: deadline - now) {
            channel.finish(.failed(.timedOut("handshake")), on: self)
        }
        let error = await channel.handshake(on: self)
        cancel(timer)
        if let error { throw error }
    }
}

internal import Glibc

/// A connection under way to one address.
final class ConnectionAttempt {
    private let descriptor: Int32
    private var token: Token?
    /// Told the outcome, once: 0 or `errno`.
    private var finish: ((Int32) -> Void)?

    private init(_ descriptor: Int32, _ finish: @escaping (Int32) -> Void) {
        self.descriptor = descriptor
        self.finish = finish
    }

    /// Begins to connect. `finish` is called later, unless this throws or it is cancelled before.
    static func start(
        to address: SocketAddress, options: ChannelOptions, on loop: isolated EventLoop,
        finish: @escaping (Int32) -> Void
    ) throws(SystemError) -> ConnectionAttempt {
        let socket = Descriptor(
            owning: try loop.driver.openSocket(for: address, options: options))
        let attempt = ConnectionAttempt(socket.raw, finish)
        let token = loop.insert(.connecting(attempt))
        do throws(SystemError) {
            try loop.driver.connect(socket.raw, to: address, token: token)
        } catch {
            loop.driver.forget(socket.raw, token: token)
            loop.remove(token)
            throw error
        }
        attempt.token = token
        // From here the attempt owns the descriptor.
        _ = socket.release()
        return attempt
    }

    func handle(_ event: Completion.Event, on loop: isolated EventLoop) {
        if case .connected(let code) = event { end(with: code, on: loop) }
    }

    /// Ends the attempt: 0 keeps the descriptor and its slot for the channel.
    func end(with code: Int32, on loop: isolated EventLoop) {
        if code != 0 { release(on: loop) }
        finish.take()?(code)
    }

    /// Ends the attempt, of which nobody is told.
    func cancel(on loop: isolated EventLoop) {
        finish = nil
        release(on: loop)
    }

    private func release(on loop: isolated EventLoop) {
        guard let token = token.take() else { return }
        loop.driver.forget(descriptor, token: token)
        loop.remove(token)
        close(descriptor)
    }

    /// The channel on what was connected; `nil` if the loop has stopped since.
    func makeChannel(_ options: ChannelOptions, on loop: isolated EventLoop) -> Channel? {
        guard let token = token.take() else { return nil }
        return Channel(Descriptor(owning: descriptor), options: options, on: loop, token: token)
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
        var waiter: UnsafeContinuation<Int32, Never>?
        let attempt = try ConnectionAttempt.start(to: address, options: options, on: self) {
            waiter?.resume(returning: $0)
        }
        let timer = schedule(after: timeout) { attempt.end(with: ETIMEDOUT, on: self) }
        let code = await withUnsafeContinuation(isolation: self) { waiter = $0 }
        cancel(timer)
        guard code == 0 else { throw SystemError("connect", code: code) }
        guard let channel = attempt.makeChannel(options, on: self) else {
            throw .cancelled("connect")
        }
        if let security { try await secure(channel, by: security, until: deadline) }
        channel.start(makeHandler(channel), on: self)
        return channel
    }

    func secure(
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

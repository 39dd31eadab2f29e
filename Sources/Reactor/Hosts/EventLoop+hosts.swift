extension EventLoop {
    /// What resolves names for ``connect(toHost:port:timeout:options:eyeballs:allowing:security:handler:)``;
    /// a ``SystemResolver`` unless another is put here.
    public var resolver: any Resolver {
        get {
            if let installedResolver { return installedResolver }
            let resolver = SystemResolver()
            installedResolver = resolver
            return resolver
        }
        set { installedResolver = newValue }
    }

    /// Connects to a host by its name, or by its numeric address, and returns the channel, whose
    /// handler `makeHandler` gives.
    ///
    /// IPv6 and IPv4 addresses are looked up at the same time without blocking the loop, and tried
    /// as RFC 8305 says: in turn, a quarter of a second apart or as soon as one has failed, until
    /// the first succeeds; the others are closed then. `timeout` is for all of it. Addresses that
    /// `allows` denies are passed over. A cancelled task stops waiting. With `security` the
    /// handshake belongs to connecting, but its failure does not lead to another address.
    public func connect(
        toHost host: String, port: UInt16, timeout: Duration,
        options: ChannelOptions = ChannelOptions(),
        eyeballs: HappyEyeballsOptions = HappyEyeballsOptions(),
        allowing allows: ((SocketAddress) -> Bool)? = nil,
        security: (any ChannelSecurity)? = nil,
        handler makeHandler: (Channel) -> any ChannelHandler
    ) async throws(ConnectionError) -> Channel {
        guard !isStopped else { throw .cancelled(host, port) }
        let deadline = now + timeout
        let connection = HostConnection(host, port, options, eyeballs, allows)
        let registration = attach(connection)
        connection.start(timeout: timeout, registration: registration, on: self)
        if connection.outcome == nil { await waitForConnection(registration) }
        guard let channel = try connection.outcome?.get().makeChannel(options, on: self) else {
            throw .cancelled(host, port)
        }
        if let security {
            do throws(SystemError) {
                try await secure(channel, by: security, until: deadline)
            } catch {
                throw .insecure(host, port, connection.winner, error)
            }
        }
        channel.start(makeHandler(channel), on: self)
        return channel
    }

    /// Parks until the connection is there or cannot be. The closures hold no more than its number,
    /// since one of them runs on any thread.
    private func waitForConnection(_ registration: UInt64) async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation(isolation: self) { continuation in
                (dependants[registration] as? HostConnection)?.waiter = continuation
            }
        } onCancel: {
            self.submit { loop in
                (loop.dependants[registration] as? HostConnection)?.cancel(on: loop)
            }
        }
    }

    /// The addresses of a host in the order in which to try them: families in turn, IPv6 first.
    ///
    /// Fails with what the look-up of one family said if both have failed, and with
    /// ``ResolutionError/Code/timedOut`` if neither has answered after `timeout`.
    public func resolve(
        host: String, port: UInt16, timeout: Duration = .seconds(30)
    ) async throws(ResolutionError) -> [SocketAddress] {
        if let numeric = SocketAddress(host: host, port: port) { return [numeric] }
        guard !isStopped else { throw .cancelled(host) }
        let outcome: Result<[SocketAddress], ResolutionError> = await withUnsafeContinuation(
            isolation: self
        ) { continuation in
            let resolution = HostResolution(host) { continuation.resume(returning: $0) }
            resolution.start(port: port, timeout: timeout, on: self)
        }
        return try outcome.get()
    }
}

extension ConnectionError {
    fileprivate static func cancelled(_ host: String, _ port: UInt16) -> ConnectionError {
        ConnectionError(host: host, port: port, code: .cancelled, resolution: [], attempts: [])
    }

    fileprivate static func insecure(
        _ host: String, _ port: UInt16, _ address: SocketAddress?, _ error: SystemError
    ) -> ConnectionError {
        let attempts = address.map { [Attempt(address: $0, error: error)] } ?? []
        return ConnectionError(
            host: host, port: port, code: error.isTimeout ? .timedOut : .failed, resolution: [],
            attempts: attempts)
    }
}

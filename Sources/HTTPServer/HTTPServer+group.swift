public import Reactor

extension EventLoopGroup {
    /// Serves HTTP on `address` with one server per loop.
    ///
    /// `makeServer` is called once on each loop. The servers share nothing: what their handlers use
    /// is made there too, as the context that the loop's server gets.
    ///
    /// ```swift
    /// let servers = try await group.serve(on: .loopback(port: 8080)) { loop in
    ///     var router = Router<Services>()
    ///     addRoutes(to: &router)
    ///     return HTTPServer(router: router, context: Services(on: loop))
    /// }
    /// ```
    ///
    /// Throws what listening throws. The group must not have stopped.
    public func serve<Context>(
        on address: SocketAddress, options: ListenerOptions = ListenerOptions(),
        spreading: Spreading = .automatic,
        makeServer: @escaping @Sendable (isolated EventLoop) -> HTTPServer<Context>
    ) async throws(SystemError) -> HTTPServerGroup<Context> {
        let servers = LoopLocal<HTTPServer<Context>>()
        let listener = try await listen(on: address, options: options, spreading: spreading) {
            loop in
            let server = makeServer(loop)
            servers.set(server, on: loop)
            let core = server.core
            return { channel in HTTPConnection(channel, core: core, on: loop) }
        }
        return HTTPServerGroup(self, listener, servers)
    }
}

/// HTTP servers, one on each loop of a group, that share an address.
public final class HTTPServerGroup<Context>: Sendable {
    /// Where they listen, and how connections are spread.
    public let listener: GroupListener
    private let group: EventLoopGroup
    private let servers: LoopLocal<HTTPServer<Context>>

    init(
        _ group: EventLoopGroup, _ listener: GroupListener,
        _ servers: LoopLocal<HTTPServer<Context>>
    ) {
        self.group = group
        self.listener = listener
        self.servers = servers
    }

    /// Asks every loop about its server and returns the answers in the order of the group's loops;
    /// `nil` where the loop has none any more.
    public func onEach<Result: Sendable>(
        _ body: @escaping @Sendable (HTTPServer<Context>, isolated EventLoop) async -> Result
    ) async -> [Result?] {
        let servers = servers
        return await group.onEach { loop in
            guard let server = servers.get(on: loop) else { return nil }
            return await body(server, loop)
        }
    }

    /// Stops listening and drains every server at once, as ``HTTPServer/drain(timeout:on:)`` does.
    /// The group must not have stopped.
    public func drain(timeout: Duration) async {
        await listener.close()
        _ = await onEach { server, loop in await server.drain(timeout: timeout, on: loop) }
        let servers = servers
        _ = await group.onEach { servers.set(nil, on: $0) }
    }
}

internal import Bytes
public import Reactor

/// An HTTP/1.1 server on a loop.
///
/// One server may listen on several addresses. It belongs to the loop that it listens on and lives
/// as long as its listeners and connections do.
///
/// ```swift
/// var router = Router<Services>()
/// router.onImmediate(.get, "/hello/{name}") { request, services, loop in
///     .text("Hello \(request.parameters.text("name"))\n")
/// }
/// let server = HTTPServer(router: router, context: services)
/// let listener = try server.listen(on: .loopback(port: 8080), loop)
/// ```
public final class HTTPServer<Context> {
    let core: ServerCore
    private var listeners: [Listener] = []

    /// A server for the given routes. It does nothing until it listens.
    public init(
        router: Router<Context>, context: Context,
        options: HTTPServerOptions = HTTPServerOptions()
    ) {
        core = ServerCore(
            router.trie, router.routes.map { BoundRoute($0, context) }, options)
    }

    /// Called once for each request when its answer is complete, or the client has left without.
    public var requestFinished: ((RequestReport) -> Void)? {
        get { core.requestFinished }
        set { core.requestFinished = newValue }
    }

    /// Turns errors into answers: the server's own, which are `HTTPError` (404, 405, 400 and so
    /// on), and whatever handlers throw. The request is there unless it was malformed.
    public var errorRenderer: ((any Error, HTTPRequest?) -> HTTPResponse)? {
        get { core.errorRenderer }
        set { core.errorRenderer = newValue }
    }

    /// The number of open connections.
    public var connectionCount: Int { core.connections.count }

    /// Whether ``beginDraining(on:)`` or ``drain(timeout:on:)`` was called.
    public var isDraining: Bool { core.isDraining }

    /// Listens on `address`.
    @discardableResult
    public func listen(
        on address: SocketAddress, options: ListenerOptions = ListenerOptions(),
        _ loop: isolated EventLoop
    ) throws(SystemError) -> Listener {
        let core = core
        let listener = try loop.listen(on: address, options: options) { channel in
            HTTPConnection(channel, core: core, on: loop)
        }
        listeners.append(listener)
        return listener
    }

    /// Begins to drain without waiting, for a program with several servers: stops accepting, closes
    /// idle connections, and has every further answer be its connection's last.
    public func beginDraining(on loop: isolated EventLoop) {
        for listener in listeners { listener.close(on: loop) }
        listeners.removeAll()
        core.beginDraining(on: loop)
    }

    /// Stops accepting, closes idle connections, lets requests that are under way be answered and
    /// closes their connections then. What is left after `timeout` is cut off. Returns when no
    /// connection is open.
    ///
    /// Parked answers are requests under way: whoever parks them should answer them before this.
    public func drain(timeout: Duration, on loop: isolated EventLoop) async {
        beginDraining(on: loop)
        guard !core.connections.isEmpty, core.drained == nil else { return }
        let core = core
        let timer = loop.schedule(after: timeout) {
            for connection in core.connections { connection.channel.abort(on: loop) }
        }
        await withUnsafeContinuation(isolation: loop) { continuation in
            core.drained = { continuation.resume() }
        }
        loop.cancel(timer)
    }
}

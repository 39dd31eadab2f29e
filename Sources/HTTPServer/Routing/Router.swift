public import HTTPWire
public import Reactor

/// Which handler serves which method and path.
///
/// ```swift
/// var router = Router<Services>()
/// router.onAsync(.get, "/_matrix/client/{version:r0|v3}/rooms/{roomId}/messages") {
///     request, services, loop in
///     try await services.messages(in: request.parameters.text("roomId"), on: loop)
/// }
/// ```
///
/// Handlers get what they need through the context, since they must not capture what lives on a
/// loop. `Context` is whatever the program likes, usually a class with its services.
public struct Router<Context>: Sendable {
    /// Answers through the exchange, now or later.
    public typealias ExchangeHandler =
        @Sendable (
            HTTPExchange, Context, isolated EventLoop
        ) -> Void
    /// Returns the answer at once. What it throws is rendered by the server's error renderer.
    public typealias ImmediateHandler =
        @Sendable (
            HTTPRequest, Context, isolated EventLoop
        ) throws -> HTTPResponse
    /// Returns the answer from a task on the loop. What it throws is rendered by the server's
    /// error renderer.
    public typealias AsyncHandler =
        @Sendable (
            HTTPRequest, Context, isolated EventLoop
        ) async throws -> HTTPResponse
    /// As ``AsyncHandler``, with a body that it reads while it comes.
    public typealias StreamingAsyncHandler =
        @Sendable (
            HTTPRequest, RequestBody, Context, isolated EventLoop
        ) async throws -> HTTPResponse

    enum Handler: Sendable {
        case exchange(ExchangeHandler)
        case immediate(ImmediateHandler)
        case async(AsyncHandler)
        case streamingAsync(StreamingAsyncHandler)
    }

    struct Route: Sendable {
        let method: HTTPMethod?
        let shape: RouteShape
        let handler: Handler
    }

    private(set) var trie = RouteTrie()
    private(set) var routes: [Route] = []
    /// Whether answers of the routes that are added from here on may be compressed, where the
    /// server compresses at all.
    public var compressesAnswers = true

    /// A router without routes; it answers 404 to everything.
    public init() {}

    /// Adds a route whose handler answers through the exchange.
    ///
    /// - Parameters:
    ///   - method: The method served; `nil` for every one that no other route of the pattern has.
    ///   - pattern: The path. A malformed pattern, or one that is there already, traps.
    ///   - name: The name in reports; the pattern if absent.
    ///   - bodyBytesMax: The longest body; the server's limit if absent.
    ///   - handler: Called on the loop when the request is complete.
    public mutating func on(
        _ method: HTTPMethod?, _ pattern: String, name: String? = nil, bodyBytesMax: Int? = nil,
        _ handler: @escaping ExchangeHandler
    ) {
        insert(method, pattern, name, bodyBytesMax, .exchange(handler))
    }

    /// Adds a route whose handler returns the answer. Parameters as for
    /// ``on(_:_:name:bodyBytesMax:_:)``.
    public mutating func onImmediate(
        _ method: HTTPMethod?, _ pattern: String, name: String? = nil, bodyBytesMax: Int? = nil,
        _ handler: @escaping ImmediateHandler
    ) {
        insert(method, pattern, name, bodyBytesMax, .immediate(handler))
    }

    /// Adds a route whose handler is a task. Parameters as for ``on(_:_:name:bodyBytesMax:_:)``.
    public mutating func onAsync(
        _ method: HTTPMethod?, _ pattern: String, name: String? = nil, bodyBytesMax: Int? = nil,
        _ handler: @escaping AsyncHandler
    ) {
        insert(method, pattern, name, bodyBytesMax, .async(handler))
    }

    /// Adds a route whose handler is called when the head has come, and takes the body while it
    /// comes: with ``HTTPExchange/receiveBody(on:chunk:end:)``. Until then nothing is read of it, and
    /// a client that waits for `100 Continue` is not told to go on. Parameters as for
    /// ``on(_:_:name:bodyBytesMax:_:)``.
    public mutating func onStreaming(
        _ method: HTTPMethod?, _ pattern: String, name: String? = nil, bodyBytesMax: Int? = nil,
        _ handler: @escaping ExchangeHandler
    ) {
        insert(method, pattern, name, bodyBytesMax, isStreaming: true, .exchange(handler))
    }

    /// Adds a route whose handler is a task that reads the body while it comes. Parameters as for
    /// ``on(_:_:name:bodyBytesMax:_:)``.
    public mutating func onStreamingAsync(
        _ method: HTTPMethod?, _ pattern: String, name: String? = nil, bodyBytesMax: Int? = nil,
        _ handler: @escaping StreamingAsyncHandler
    ) {
        insert(method, pattern, name, bodyBytesMax, isStreaming: true, .streamingAsync(handler))
    }

    private mutating func insert(
        _ method: HTTPMethod?, _ text: String, _ name: String?, _ bodyBytesMax: Int?,
        isStreaming: Bool = false, _ handler: Handler
    ) {
        let pattern = RoutePattern(text)
        let captured = pattern.captured
        var restIndex: Int?
        if case .rest = pattern.segments.last { restIndex = captured.count - 1 }
        trie.insert(pattern, method: method, route: routes.count)
        let shape = RouteShape(
            index: routes.count, name: name ?? text, pattern: text, names: captured.map(\.name),
            segments: captured.map(\.segment),
            restIndex: restIndex, bodyBytesMax: bodyBytesMax, isStreaming: isStreaming,
            compressesAnswers: compressesAnswers)
        routes.append(Route(method: method, shape: shape, handler: handler))
    }
}

/// What is known of a route besides its handler.
struct RouteShape: Sendable {
    let index: Int
    let name: String
    let pattern: String
    let names: [String]
    /// The segments of the path that the names stand for.
    let segments: [Int]
    /// Which name stands for everything that follows, if one does.
    let restIndex: Int?
    let bodyBytesMax: Int?
    /// The handler is called when the head has come, and takes the body as it comes.
    let isStreaming: Bool
    let compressesAnswers: Bool
}

public import HTTPWire

/// Limits, timeouts and habits of a server.
public struct HTTPServerOptions: Sendable {
    /// What a request's head and framing may take.
    public var parser = ParserLimits()
    /// The longest body, for routes that do not say otherwise. More is answered 413.
    public var bodyBytesMax = 1 << 20
    /// The longest body that is read and thrown away to keep a connection whose request was
    /// refused; beyond it the connection is closed.
    public var discardedBodyBytesMax = 64 << 10
    /// Input that is kept while an earlier request is being answered; beyond it nothing is read.
    public var pipelinedBytesMax = 64 << 10
    /// How long a connection may lie idle between requests, or leave an answer unread.
    public var idleTimeout = Duration.seconds(120)
    /// How long the head of a request may take from its first byte.
    public var headerTimeout = Duration.seconds(20)
    /// How long a body may take, to which ``bodyBytesPerSecondMin`` adds for what has arrived.
    public var bodyTimeout = Duration.seconds(30)
    /// The rate that keeps a long body alive.
    public var bodyBytesPerSecondMin = 1024
    /// Which answers are compressed; `nil` compresses none.
    public var compression: CompressionPolicy?
    /// Whether a proxy that can be trusted stands before the server, whose `X-Forwarded-For` and
    /// `X-Forwarded-Proto` say where requests come from.
    public var isBehindProxy = false
    /// What browsers on other sites may do; `nil` says nothing about it.
    public var cors: CORSPolicy?

    /// The defaults.
    public init() {}
}

/// Cross-origin resource sharing: fields that every response carries, and the answer to OPTIONS.
public struct CORSPolicy: Sendable {
    /// Value of `Access-Control-Allow-Origin`.
    public var allowOrigin = "*"
    /// Value of `Access-Control-Allow-Methods`.
    public var allowMethods = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
    /// Value of `Access-Control-Allow-Headers`.
    public var allowHeaders = "X-Requested-With, Content-Type, Authorization, Date"
    /// Value of `Access-Control-Expose-Headers`, if any.
    public var exposeHeaders: String?
    /// How many seconds a browser may remember the answer, if given.
    public var maxAgeSeconds: Int?

    /// What the Matrix specification recommends to homeservers.
    public static let matrix = CORSPolicy()

    /// A policy that allows everyone what Matrix clients need.
    public init() {}

    var fields: HTTPHeaders {
        var fields: HTTPHeaders = [
            "Access-Control-Allow-Origin": allowOrigin,
            "Access-Control-Allow-Methods": allowMethods,
            "Access-Control-Allow-Headers": allowHeaders,
        ]
        if let exposeHeaders { fields.append("Access-Control-Expose-Headers", exposeHeaders) }
        if let maxAgeSeconds { fields.append("Access-Control-Max-Age", "\(maxAgeSeconds)") }
        return fields
    }
}

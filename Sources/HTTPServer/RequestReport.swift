public import HTTPWire

/// What became of a request, for access logs and metrics.
public struct RequestReport: Sendable {
    /// The request; `nil` if it was so malformed that it could not be read.
    public let request: HTTPRequest?
    /// The name of the route that served it; `nil` if none did.
    public let route: String?
    /// The place of that route among those of the router, in the order in which they were added:
    /// statistics by route need no search.
    public let routeIndex: Int?
    /// The status of the answer; `nil` if the client left before there was one.
    public let status: HTTPStatus?
    /// The bytes of the answer, head included, as handed to the channel.
    public let responseBytes: Int
    /// The time from the request's head to the end of its answer.
    public let duration: Duration
}

package import HTTPWire

extension Router {
    /// The name of the route that would serve a request, if there is one, and in the request what
    /// it captures. For tests.
    package func match(_ request: inout HTTPRequest) throws(HTTPError) -> String? {
        let segments = PathSegments(request.head.bytes, request.head.pathSlice)
        guard
            case .found(let index) = trie.find(
                request.head.bytes, segments, method: request.method)
        else { return nil }
        let shape = routes[index].shape
        try ServedRoute(shape).capture(segments, in: &request)
        return shape.name
    }

    /// Every route's method, `*` for any, and a regular expression of its paths, in the order in which they
    /// were added. For the configuration of proxies.
    package var served: [(method: String, pattern: String)] {
        routes.map { route in
            (
                route.method.map { "\($0.name)" } ?? "*",
                RoutePattern(route.shape.pattern).regularExpression
            )
        }
    }
}

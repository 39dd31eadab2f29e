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
}

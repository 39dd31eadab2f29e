internal import Bytes
public import HTTPWire

/// A request as handlers see it: the head, the whole body, and what the route's pattern captured.
///
/// A value of its own that may be kept as long as one likes. Strings are made when they are asked
/// for; read what is needed more than once into a constant.
public struct HTTPRequest: Sendable {
    /// Request line and header fields.
    public internal(set) var head = RequestHead()
    /// The body; empty if there was none.
    public internal(set) var body: [UInt8] = []
    /// The connection's other end. Behind a reference, which is cheaper to copy than an address.
    var peer: Peer?
    var captures = RouteCaptures()

    init() {}

    /// The method.
    public var method: HTTPMethod { head.method }
    /// The request target as it was sent.
    public var target: String { head.target }
    /// The path as it was sent, still percent-encoded.
    public var path: String { head.path }
    /// The query's parameters.
    public var query: HTTPQuery { head.query }
    /// The header fields.
    public var headers: HTTPHeaders { head.headers }
    /// The version of the protocol that the client speaks.
    public var version: HTTPVersion { head.version }

    var isHead: Bool { head.knownMethod == .head }

    /// What the route's pattern captured, decoded when asked for.
    public var parameters: PathParameters { PathParameters(captures: captures, head: head) }

    /// Forgets everything and keeps the memory for the next request.
    mutating func reset() {
        captures = RouteCaptures()
        peer = nil
        head.reset()
        // A large body's memory is not worth keeping.
        body.removeAll(keepingCapacity: body.capacity <= 16 * 1024)
    }
}

extension HTTPRequest {
    /// A request that did not come over a connection, for tests of handlers. Throws what a server
    /// would answer if it is malformed. It has no captured parameters unless they are given.
    public init(
        _ method: HTTPMethod, _ target: String, headers: HTTPHeaders = HTTPHeaders(),
        body: [UInt8] = [], parameters: [String: String] = [:]
    ) throws(HTTPError) {
        var bytes = Array("\(method.name) \(target) HTTP/1.1\r\nHost: localhost\r\n".utf8)
        ResponseEncoder.appendFields(headers, to: &bytes)
        ResponseEncoder.appendLineEnd(to: &bytes)
        var parser = RequestParser()
        var offset = 0
        let event = try parser.next(bytes.span.bytes, at: &offset, into: &head)
        guard event == .head, offset == bytes.count else {
            throw HTTPError(.badRequest, "the request is malformed")
        }
        self.body = body
        precondition(parameters.count <= RouteCaptures.countMax, "too many parameters")
        for (name, value) in parameters {
            captures.slices[captures.names.count] = head.appendEncoded(value)
            captures.names.append(name)
        }
    }
}

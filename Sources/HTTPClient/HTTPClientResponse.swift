public import HTTPWire

/// The head of a response.
public struct HTTPClientResponseHead: Sendable {
    /// The status, 100 to 999.
    public internal(set) var status: HTTPStatus = 200
    /// The header fields in the order in which they came. Where the body was decompressed,
    /// `Content-Encoding` and `Content-Length` still tell what was sent.
    public internal(set) var headers = HTTPHeaders()
    /// Where the response came from, after redirects; without user and password.
    public internal(set) var url = ""
    /// Whether it came over HTTP/2.
    public internal(set) var isHTTP2 = false
    /// How many redirects led here.
    public internal(set) var redirectCount = 0
}

/// A complete response.
public struct HTTPClientResponse: Sendable {
    /// Status and header fields.
    public let head: HTTPClientResponseHead
    /// The body, decompressed if the client does that.
    public let body: [UInt8]

    /// The status.
    public var status: HTTPStatus { head.status }
    /// The header fields.
    public var headers: HTTPHeaders { head.headers }
    /// The body as text; what is not UTF-8 is replaced by U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

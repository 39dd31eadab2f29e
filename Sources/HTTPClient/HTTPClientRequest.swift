public import Bytes
public import HTTPWire

/// What a client asks of a server.
public struct HTTPClientRequest {
    /// The method.
    public var method: HTTPMethod
    /// An absolute URL of scheme `http` or `https`, percent-encoded. User and password in it become
    /// an `Authorization` field unless there is one.
    public var url: String
    /// The header fields. `Host` replaces the URL's; those that delimit the message or the
    /// connection (`Content-Length`, `Transfer-Encoding`, `Connection` and the like) are ignored.
    public var headers: HTTPHeaders
    /// The body.
    public var body: HTTPClientBody
    /// Where to connect to instead of the URL's host and port, which still name the server in
    /// `Host`, SNI and the certificate: what a `.well-known` file or an SRV record leads to.
    public var connectTo: Endpoint?
    /// Instead of the client's ``HTTPClientOptions/timeout``.
    public var timeout: Duration?
    /// Instead of the client's ``HTTPClientOptions/bodyBytesMax``.
    public var bodyBytesMax: Int?
    /// Instead of the client's ``HTTPClientOptions/redirects``.
    public var redirects: RedirectPolicy?

    /// A host's name or address, and a port.
    public struct Endpoint: Sendable, Hashable {
        /// A name or a numeric address, without brackets.
        public var host: String
        /// The port.
        public var port: UInt16

        /// A host and a port.
        public init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }
    }

    /// A request of the given parts.
    public init(
        _ method: HTTPMethod = .get, _ url: String, headers: HTTPHeaders = HTTPHeaders(),
        body: HTTPClientBody = .empty
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// A request's body.
public enum HTTPClientBody {
    /// No bytes.
    case empty
    /// Bytes of this request alone.
    case bytes([UInt8])
    /// Bytes shared with others; they are not copied.
    case shared(SharedBytes)
    /// Bytes that are written while the request is under way. `start` is called on the loop, once,
    /// when the first of them can be used. Without a `length`, in bytes, they are sent in chunks.
    case stream(length: Int?, start: (HTTPUpload) -> Void)
}

public import Bytes
public import HTTPWire

/// A complete response. The server adds `Date`, `Content-Length` and `Connection`.
public struct HTTPResponse: Sendable {
    /// The status.
    public var status: HTTPStatus
    /// The header fields. Those that delimit the message or the connection are ignored.
    public var headers: HTTPHeaders
    /// The body; not sent where the method or the status forbids one.
    public var body: HTTPBody

    /// A response of the given parts.
    public init(
        _ status: HTTPStatus = .ok, headers: HTTPHeaders = HTTPHeaders(), body: HTTPBody = .empty
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A response whose body is JSON, already written.
    public static func json(_ bytes: [UInt8], status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status, headers: jsonHeaders, body: .bytes(bytes))
    }

    /// A response whose body is plain text.
    public static func text(_ text: String, status: HTTPStatus = .ok) -> HTTPResponse {
        HTTPResponse(status, headers: textHeaders, body: .bytes(Array(text.utf8)))
    }

    private static let jsonHeaders: HTTPHeaders = ["Content-Type": "application/json"]
    private static let textHeaders: HTTPHeaders = [
        "Content-Type": "text/plain; charset=utf-8"
    ]
}

/// A response's body.
public enum HTTPBody: Sendable {
    /// No bytes.
    case empty
    /// Bytes of this response alone.
    case bytes([UInt8])
    /// Bytes shared with other responses; they are not copied.
    case pieces([SharedBytes])
    /// Bytes of a file, which never pass through this process where the kernel can send them itself.
    case file(FilePart)

    /// The number of bytes.
    public var count: Int {
        switch self {
        case .empty: 0
        case .bytes(let bytes): bytes.count
        case .pieces(let pieces): pieces.reduce(0) { $0 + $1.count }
        case .file(let part): part.range.count
        }
    }
}

/// Header fields rendered once for many responses.
public struct PrerenderedFields: Sendable {
    let bytes: [UInt8]
    let isCompressible: Bool

    /// Renders the fields, save those that delimit the message or the connection.
    public init(_ headers: HTTPHeaders) {
        var bytes: [UInt8] = []
        ResponseEncoder.appendFields(headers, to: &bytes)
        self.bytes = bytes
        isCompressible = headers.describeCompressibleBody
    }
}

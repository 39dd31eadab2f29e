internal import Bytes

/// How a request's body is delimited.
public enum BodyFraming: Sendable, Hashable {
    /// There is no body.
    case none
    /// The body has exactly this many bytes, at least one.
    case length(UInt64)
    /// The body comes in chunks.
    case chunked
}

/// A request line with its header fields, checked and ready to be acted on.
///
/// Everything lies in the one array of bytes of its ``headers``, which is the head as it was
/// received; what this type returns as a string is made when it is asked for. A head is reused for
/// the next request with ``reset()``, which keeps the memory.
public struct RequestHead: Sendable {
    /// The version of the protocol that the client speaks.
    public internal(set) var version: HTTPVersion = .http11
    /// The header fields.
    public internal(set) var headers = HTTPHeaders()
    /// How the body is delimited.
    public internal(set) var framing: BodyFraming = .none
    /// Whether the connection stays open after this request, as far as the client is concerned.
    public internal(set) var keepAlive = true
    /// Whether the client waits for `100 Continue` before it sends the body.
    public internal(set) var expectsContinue = false

    /// A method with a case of its own; `nil` for another, which `methodSlice` names. Kept apart so
    /// that copying a head counts no reference for it.
    package internal(set) var knownMethod: KnownMethod? = .get
    var methodSlice = Slice()
    var targetSlice = Slice()
    package var pathSlice = Slice()
    var querySlice = Slice()

    /// An empty head, to be filled by a ``RequestParser``.
    public init() { headers.isRendered = false }

    /// Forgets the request and keeps the memory for the next one.
    public mutating func reset() {
        knownMethod = .get
        methodSlice = Slice()
        version = .http11
        headers.reset()
        framing = .none
        keepAlive = true
        expectsContinue = false
        targetSlice = Slice()
        pathSlice = Slice()
        querySlice = Slice()
    }
}

extension RequestHead {
    /// What the client wants done.
    public var method: HTTPMethod {
        knownMethod?.method ?? .other(headers.storage.span.bytes.slice(methodSlice).string)
    }

    /// The request target as it was sent.
    public var target: String { targetBytes.string }

    /// The path as it was sent, still percent-encoded. `*` for `OPTIONS *`; never empty.
    public var path: String { pathBytes.string }

    /// The query without its question mark, still encoded; empty if there is none.
    public var query: HTTPQuery { HTTPQuery(queryBytes.array) }

    /// The bytes of the request target as it was sent.
    public var targetBytes: RawSpan {
        @_lifetime(borrow self)
        get { headers.storage.span.bytes.slice(targetSlice) }
    }

    /// The bytes of the path, still percent-encoded.
    public var pathBytes: RawSpan {
        @_lifetime(borrow self)
        get { headers.storage.span.bytes.slice(pathSlice) }
    }

    /// The bytes of the query, without its question mark.
    public var queryBytes: RawSpan {
        @_lifetime(borrow self)
        get { headers.storage.span.bytes.slice(querySlice) }
    }

    /// The whole head as it was received.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get { headers.storage.span.bytes }
    }
}

extension RequestHead {
    /// Has the connection closed after this request, whatever the client wants.
    package mutating func forbidKeepAlive() { keepAlive = false }

    /// Keeps a text behind the head's bytes, percent-encoded, as if it had come with them.
    package mutating func appendEncoded(_ text: String) -> Slice {
        let start = headers.storage.count
        PercentEncoding.append(text, to: &headers.storage)
        return Slice(start, headers.storage.count)
    }
}

internal import Bytes

/// A request method. Method names are case-sensitive; `get` is not ``get``.
public enum HTTPMethod: Sendable, Hashable {
    /// The methods that HTTP itself and PATCH's RFC define.
    case get, head, post, put, delete, options, patch, trace, connect
    /// Any other method name (a token).
    case other(String)

    /// The method as it is written on the wire.
    public var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .other(let name): name
        }
    }

    /// The method with the name `token`. Allocates only for methods that it has no case for.
    init(token: RawSpan) {
        switch token.byteCount {
        case 3 where token.equals("GET"): self = .get
        case 3 where token.equals("PUT"): self = .put
        case 4 where token.equals("POST"): self = .post
        case 4 where token.equals("HEAD"): self = .head
        case 5 where token.equals("PATCH"): self = .patch
        case 5 where token.equals("TRACE"): self = .trace
        case 6 where token.equals("DELETE"): self = .delete
        case 7 where token.equals("OPTIONS"): self = .options
        case 7 where token.equals("CONNECT"): self = .connect
        default: self = .other(token.string)
        }
    }
}

extension HTTPMethod: CustomStringConvertible {
    /// The method as it is written on the wire.
    public var description: String { name }
}

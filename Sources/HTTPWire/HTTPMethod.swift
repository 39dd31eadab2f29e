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
}

/// The methods with a case of their own, without a payload.
package enum KnownMethod: UInt8, Sendable {
    case get, head, post, put, delete, options, patch, trace, connect

    /// The method with the name `token`, or `nil` for any other.
    init?(_ token: RawSpan) {
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
        default: return nil
        }
    }

    var method: HTTPMethod {
        switch self {
        case .get: .get
        case .head: .head
        case .post: .post
        case .put: .put
        case .delete: .delete
        case .options: .options
        case .patch: .patch
        case .trace: .trace
        case .connect: .connect
        }
    }
}

extension HTTPMethod: CustomStringConvertible {
    /// The method as it is written on the wire.
    public var description: String { name }
}

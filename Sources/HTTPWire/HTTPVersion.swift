/// The two versions of HTTP that this parser speaks.
public enum HTTPVersion: Sendable, Hashable, CustomStringConvertible {
    /// HTTP/1.0: closes after each answer unless the client asks otherwise, knows no chunks.
    case http10
    /// HTTP/1.1: stays open unless one side says otherwise.
    case http11

    /// The version as it is written on the wire.
    public var description: String { self == .http11 ? "HTTP/1.1" : "HTTP/1.0" }
}

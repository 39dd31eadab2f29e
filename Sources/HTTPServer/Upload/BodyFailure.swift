public import HTTPWire

/// Why a body that was being received will not be complete.
public enum BodyFailure: Error, Sendable, Hashable {
    /// The client has left, or has ended its side of the connection within the body.
    case disconnected
    /// The request was answered before its body had come; what still comes of it is thrown away.
    case answered
    /// The body is malformed, too long or too slow. Unless the handler answers as soon as it is
    /// told, the server does, with this error.
    case refused(HTTPError)
}

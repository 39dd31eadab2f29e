/// Why a request, or a mail, came to nothing.
public struct HTTPClientError: Error, Sendable, Hashable {
    /// The kind of an error; further kinds may come.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalidRequest, nameNotResolved, connectFailed, addressRefused, tlsFailed
            case certificateRefused, timedOut, headersTooLarge, bodyTooLarge, redirectRefused
            case connectionLost, invalidResponse, proxyFailed, bodyFailed, overloaded, cancelled
            case closed, outOfMemory, mailRefused, failed
        }
        private let kind: Kind

        /// The kind's name.
        public var description: String { kind.rawValue }

        /// The request, its URL or an option is malformed, or not allowed.
        public static let invalidRequest = Code(kind: .invalidRequest)
        /// The host's name, or the proxy's, has no address.
        public static let nameNotResolved = Code(kind: .nameNotResolved)
        /// No address of the host took the connection.
        public static let connectFailed = Code(kind: .connectFailed)
        /// The client's ``AddressPolicy`` forbids the addresses of the host.
        public static let addressRefused = Code(kind: .addressRefused)
        /// No secure connection could be made, for another reason than the certificate.
        public static let tlsFailed = Code(kind: .tlsFailed)
        /// The server's certificate is not valid for the host, or not trusted.
        public static let certificateRefused = Code(kind: .certificateRefused)
        /// A limit in time was reached; the message says which.
        public static let timedOut = Code(kind: .timedOut)
        /// The response's header fields are larger than allowed.
        public static let headersTooLarge = Code(kind: .headersTooLarge)
        /// The response's body is larger than allowed, as it was sent or once decompressed.
        public static let bodyTooLarge = Code(kind: .bodyTooLarge)
        /// A redirect that the policy does not follow, or one too many.
        public static let redirectRefused = Code(kind: .redirectRefused)
        /// The connection ended before the response was complete.
        public static let connectionLost = Code(kind: .connectionLost)
        /// What the server sent is not HTTP, or its compression is broken.
        public static let invalidResponse = Code(kind: .invalidResponse)
        /// The proxy refused to help.
        public static let proxyFailed = Code(kind: .proxyFailed)
        /// The source of the request's body failed, or gave another number of bytes than announced.
        public static let bodyFailed = Code(kind: .bodyFailed)
        /// Too many requests wait already.
        public static let overloaded = Code(kind: .overloaded)
        /// The task was cancelled, or ``HTTPTransfer/cancel(on:)`` called.
        public static let cancelled = Code(kind: .cancelled)
        /// The client was closed, or its loop has stopped.
        public static let closed = Code(kind: .closed)
        /// There was no memory left.
        public static let outOfMemory = Code(kind: .outOfMemory)
        /// The mail server refused; ``HTTPClientError/reply`` says how.
        public static let mailRefused = Code(kind: .mailRefused)
        /// libcurl failed in another way.
        public static let failed = Code(kind: .failed)
    }

    /// What a mail server answered.
    public struct Reply: Sendable, Hashable {
        /// The three digits, such as 550.
        public let code: Int
        /// The text behind them.
        public let text: String
    }

    /// The kind.
    public let code: Code
    /// What happened, as a sentence without its full stop; it holds no credentials.
    public let message: String
    /// Scheme, host and port of the server.
    public internal(set) var server: String?
    /// What a mail server had answered, if it had.
    public internal(set) var reply: Reply?

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    static let outOfMemory = HTTPClientError(.outOfMemory, "there is no memory left")
    static let cancelled = HTTPClientError(.cancelled, "the request was cancelled")
    static let closed = HTTPClientError(.closed, "the client is closed")
    static let stopped = HTTPClientError(.closed, "the client's loop has stopped")
}

extension HTTPClientError: CustomStringConvertible {
    /// For logs: everything that is known.
    public var description: String {
        var text = "\(code)"
        if let server { text += " (\(server))" }
        text += ": \(message)"
        if let reply { text += " [\(reply.code) \(reply.text)]" }
        return text
    }
}

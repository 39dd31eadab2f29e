/// Limits, timeouts and habits of a client.
public struct HTTPClientOptions: Sendable {
    /// Value of `User-Agent`, unless a request has one of its own.
    public var userAgent = "beamline"

    // MARK: Connections

    /// Connections to one host and port at once; what needs more waits.
    public var connectionsPerHostMax = 64
    /// Connections at once, to all hosts.
    public var connectionsMax = 1024
    /// Connections that are kept open while nothing needs them.
    public var idleConnectionsMax = 256
    /// How long a connection may have lain idle and be used again, in whole seconds. Once the client
    /// has had nothing to do for that long it closes all.
    public var idleConnectionAge = Duration.seconds(60)
    /// Requests that are under way at once; more wait for their turn.
    public var transfersMax = 4096
    /// Requests that may wait; beyond them ``HTTPClientError/Code/overloaded``.
    public var waitingMax = 65536
    /// The version to speak. HTTP/2 is tried over TLS only.
    public var version = Version.http1

    /// A version of the protocol.
    public enum Version: Sendable, Hashable {
        /// HTTP/1.1
        case http1
        /// HTTP/2 where the server offers it, many requests to a connection; else HTTP/1.1.
        case http2IfOffered
    }

    // MARK: Time

    /// How long resolving, connecting and the handshake of TLS may take together.
    public var connectTimeout = Duration.seconds(10)
    /// How long a request may take from ``HTTPClient/send(_:on:)`` to its last byte, redirects
    /// and waiting included; `nil`: any time.
    public var timeout: Duration? = .seconds(60)
    /// How long a transfer may pass without a byte in either direction, give or take a quarter;
    /// what the caller pauses is not counted. `nil`: any time.
    public var idleTimeout: Duration? = .seconds(30)
    /// The rate below which a transfer is given up; `nil`: none.
    public var minimumRate: TransferRate?

    // MARK: Sizes

    /// The greatest head of a response: status line and fields, in bytes.
    public var headerBytesMax = 64 << 10
    /// The greatest body of a response, in bytes, once decompressed.
    public var bodyBytesMax = 16 << 20
    /// Whether `Accept-Encoding` is sent, and gzip and deflate taken back.
    public var decompresses = true
    /// How many times larger than what was sent a decompressed body may be, beyond its first
    /// mebibyte.
    public var decompressionRatioMax = 200
    /// Bytes of a streamed body that wait for their consumer before the server is slowed down; also
    /// those of a request's body that wait for the server.
    public var streamHighWaterMark = 256 << 10

    // MARK: Where to

    /// Which addresses may be connected to.
    public var addresses = AddressPolicy.unrestricted
    /// Which redirects are followed.
    public var redirects = RedirectPolicy.none
    /// Through which proxy requests go.
    public var proxy = ProxyPolicy.none
    /// How servers prove who they are.
    public var tls = ClientTLSOptions()

    /// The defaults.
    public init() {}
}

/// A rate in bytes per second, and for how long a transfer may stay below it.
public struct TransferRate: Sendable, Hashable {
    /// Bytes per second.
    public var bytesPerSecond: Int
    /// The time, in whole seconds.
    public var during: Duration

    /// A rate that must be reached on the average of `during`.
    public init(bytesPerSecond: Int, during: Duration) {
        self.bytesPerSecond = bytesPerSecond
        self.during = during
    }
}

/// How a client makes sure with whom it speaks. TLS 1.2 is the least that it takes.
public struct ClientTLSOptions: Sendable, Hashable {
    /// Whether the server's certificate must be trusted and name its host. Without, anybody in
    /// between can read and change everything.
    public var verifies = true
    /// A file of certificates (PEM) to trust instead of the system's.
    public var trustedCertificatesFile: String?
    /// A file with the client's own certificate and those between it and its root (PEM).
    public var certificateFile: String?
    /// The file with the certificate's private key (PEM).
    public var privateKeyFile: String?
    /// The key's password.
    public var privateKeyPassword: String?
    /// Whether TLS 1.2 is refused too.
    public var requiresTLS13 = false

    /// The defaults: the system's certificates, and none of one's own.
    public init() {}
}

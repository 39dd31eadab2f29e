/// A version of TLS; nothing below 1.2 is spoken.
public enum TLSVersion: Sendable, Hashable {
    /// TLS 1.2, RFC 5246.
    case tls12
    /// TLS 1.3, RFC 8446.
    case tls13
}

/// What is done about certificates of clients.
public enum TLSClientVerification: Sendable, Hashable {
    /// They are not asked for.
    case none
    /// One that is given must be signed by an authority of this file (PEM).
    case optional(authorities: String)
    /// One must be given, signed by an authority of this file (PEM).
    case required(authorities: String)
}

/// What follows when the peer's connection ends without TLS's own end (close_notify), which an
/// attacker can bring about too.
public enum TLSTruncation: Sendable, Hashable {
    /// It counts as the end of input: right for protocols whose messages have lengths, such as HTTP
    /// requests.
    case isEndOfInput
    /// The channel fails; what has arrived was delivered before.
    case isError
}

/// Habits of a server's TLS.
public struct TLSServerOptions: Sendable {
    /// The oldest version that is spoken.
    public var minimumVersion = TLSVersion.tls12
    /// The newest version that is spoken.
    public var maximumVersion = TLSVersion.tls13
    /// Protocols in order of preference (ALPN, RFC 7301). A client that names some, but none of
    /// these, is refused with the alert no_application_protocol; empty: what clients name is ignored.
    public var applicationProtocols: [String] = []
    /// What is done about certificates of clients.
    public var clientVerification = TLSClientVerification.none
    /// What an end without close_notify means.
    public var truncation = TLSTruncation.isEndOfInput
    /// How long a handshake may take.
    public var handshakeTimeout = Duration.seconds(10)
    /// Whether clients get tickets with which they come back faster.
    public var sessionTickets = true
    /// How long the key of such tickets is used; for as long again its tickets are still taken.
    public var ticketKeyLifetime = Duration.seconds(6 * 3600)
    /// Whether certificates that have expired, or are not valid yet, are refused when loaded.
    public var checksDates = true
    /// Told of each handshake that failed: the client's address and why. Called on the loop of the
    /// connection. Who connects and leaves without a byte, as port checks do, is not told.
    public var handshakeFailed: (@Sendable (String, String) -> Void)?

    /// The defaults.
    public init() {}
}

/// Habits of a client's TLS.
public struct TLSClientOptions: Sendable {
    /// Whom the client trusts.
    public enum Trust: Sendable, Hashable {
        /// The certificate authorities of the system.
        case system
        /// Those of a PEM file.
        case authorities(String)
        /// Anyone: neither signatures nor names are checked. For tests only.
        case anyone
    }

    /// Whom the client trusts.
    public var trust = Trust.system
    /// The oldest version that is spoken.
    public var minimumVersion = TLSVersion.tls12
    /// The newest version that is spoken.
    public var maximumVersion = TLSVersion.tls13
    /// Protocols that are offered, in order of preference (ALPN); none by default.
    public var applicationProtocols: [String] = []
    /// The client's own certificate, for servers that ask for one.
    public var certificate: TLSCertificate?
    /// What an end without close_notify means.
    public var truncation = TLSTruncation.isError

    /// The defaults.
    public init() {}
}

/// What has come of handshakes.
public struct TLSStatistics: Sendable, Hashable {
    /// Handshakes that were completed.
    public var completed = 0
    /// Those of them that resumed an earlier session.
    public var resumed = 0
    /// Handshakes that failed, in whatever way.
    public var failed = 0

    /// Counts, none by default.
    public init(completed: Int = 0, resumed: Int = 0, failed: Int = 0) {
        self.completed = completed
        self.resumed = resumed
        self.failed = failed
    }
}

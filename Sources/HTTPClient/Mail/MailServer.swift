/// The server that takes mail for delivery, and how to speak with it.
public struct MailServer: Sendable, Hashable {
    /// Whether the connection is encrypted.
    public enum Security: Sendable, Hashable {
        /// Never.
        case none
        /// By STARTTLS if the server offers it. Anybody in between can make it look as if not.
        case opportunistic
        /// By STARTTLS, or no mail is sent.
        case required
        /// From the first byte (`smtps`).
        case implicit
    }

    /// A name or a numeric address.
    public var host: String
    /// The port: 25, 465 (implicit TLS) or 587 (submission), as a rule.
    public var port: UInt16
    /// Whether the connection is encrypted.
    public var security: Security
    /// Who logs in; `nil`: nobody. Without encryption the password can be read on the way.
    public var user: String?
    /// The user's password.
    public var password: String?
    /// What this machine calls itself to the server (EHLO).
    public var ownName = "localhost"
    /// Which certificates are good.
    public var tls = ClientTLSOptions()
    /// How long a mail may take.
    public var timeout = Duration.seconds(60)

    /// A server.
    public init(host: String, port: UInt16 = 25, security: Security = .required) {
        self.host = host
        self.port = port
        self.security = security
    }
}

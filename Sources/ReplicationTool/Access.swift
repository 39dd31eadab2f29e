internal import Glibc
internal import Reactor
internal import ReplicationWire
internal import TLS

/// The secret and the TLS of a replication connection, as a command line names them. The secret itself never
/// stands there, where other users of the machine could read it.
public struct Access: Sendable, Hashable {
    /// The environment variable that holds the secret where no file is named.
    public static let secretVariable = "BEAMLINE_REPLICATION_SECRET"

    /// The file that holds the secret.
    public var secretPath: String?
    /// Whether TLS is spoken with the main.
    public var isTLS = false
    /// The authorities that the main's certificate must come from, as PEM; nil for the system's.
    public var authoritiesPath: String?
    /// A replay's certificate with its chain, as PEM; with it, a replay speaks TLS.
    public var certificatePath: String?
    /// The certificate's private key, as PEM.
    public var keyPath: String?

    /// Neither a secret nor TLS, unless the environment has a secret.
    public init() {}

    /// Why a connection cannot be protected as was asked.
    struct Mistake: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    /// How large a file with a secret may be.
    private static let fileBytesMax = 1 << 16

    /// The secret, if there is one.
    func secret() throws -> ReplicationSecret? {
        guard let secretPath else {
            guard let text = getenv(Self.secretVariable).map({ String(cString: $0) }), !text.isEmpty
            else { return nil }
            guard let secret = ReplicationSecret(fileText: text) else {
                throw Mistake(description: "\(Self.secretVariable) holds \(Self.noSecret)")
            }
            return secret
        }
        guard let secret = ReplicationSecret(fileText: try Self.read(secretPath)) else {
            throw Mistake(description: "\(secretPath) holds \(Self.noSecret)")
        }
        return secret
    }

    private static var noSecret: String {
        "no secret, which is one line of at most \(ReplicationSecret.bytesMax) bytes"
    }

    private static func read(_ path: String) throws -> String {
        guard let file = fopen(path, "re") else { throw unreadable(path) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: fileBytesMax)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw unreadable(path) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func unreadable(_ path: String) -> Mistake {
        Mistake(description: "\(path) cannot be read: \(SystemError("read", code: errno))")
    }

    /// What encrypts a connection to a main at `host`.
    func security(of host: String) throws -> (any ChannelSecurity)? {
        guard isTLS else { return nil }
        var options = TLSClientOptions()
        if let authoritiesPath { options.trust = .authorities(authoritiesPath) }
        return try TLSClientContext(options: options).peer(host)
    }

    /// What encrypts the connections of a replay's workers.
    func listenerSecurity() throws -> (any ChannelSecurity)? {
        guard let certificatePath, let keyPath else { return nil }
        var options = TLSServerOptions()
        options.handshakeFailed = { peer, reason in
            Notices.say("replay: the handshake with \(peer) failed: \(reason)")
        }
        return try TLSServerContext(
            certificates: [.files(chain: certificatePath, key: keyPath)], options: options)
    }
}

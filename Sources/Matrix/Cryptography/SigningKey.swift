import Crypto

/// A server's Ed25519 key for signing, with its name.
public struct SigningKey: Sendable {
    /// The part after the colon of the key's identifier, as `a_AbCd`.
    public let version: String
    private let key: Curve25519.Signing.PrivateKey

    /// Makes a key of its 32-byte seed; nil if the seed or the version is malformed.
    public init?(version: String, seed: [UInt8]) {
        guard Self.isValid(version: version), seed.count == 32,
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        else { return nil }
        self.version = version
        self.key = key
    }

    /// Makes a new key, named `a_` and four random letters.
    public static func generate() -> SigningKey {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let name = (0..<4).map { _ in letters.randomElement() ?? letters[0] }
        return SigningKey(
            version: "a_" + String(decoding: name, as: UTF8.self),
            key: Curve25519.Signing.PrivateKey())
    }

    private init(version: String, key: Curve25519.Signing.PrivateKey) {
        self.version = version
        self.key = key
    }

    /// The key's identifier: `ed25519:` and the version.
    public var identifier: String { "ed25519:" + version }

    /// The public half.
    public var verifyKey: VerifyKey { VerifyKey(key.publicKey) }

    /// The 64 bytes of the signature.
    public func signature(of message: [UInt8]) -> [UInt8] {
        do {
            return Array(try key.signature(for: message))
        } catch {
            // A valid Ed25519 key signs every message; going on would send unsigned events.
            preconditionFailure("Ed25519 signing failed: \(error)")
        }
    }

    /// Parses the first key of a signing-key file, whose lines are `ed25519 <version> <seed>`.
    public init?(file: String) {
        for line in file.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let algorithm = words.first, !algorithm.hasPrefix("#") else { continue }
            guard algorithm == "ed25519", words.count == 3, let seed = Base64.decode(words[2])
            else { return nil }
            self.init(version: String(words[1]), seed: seed)
            return
        }
        return nil
    }

    /// The text of a signing-key file with this key.
    public var fileText: String {
        "ed25519 \(version) \(Base64.encode(key.rawRepresentation))\n"
    }

    private static func isValid(version: String) -> Bool {
        !version.isEmpty
            && version.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

/// The public half of a server's Ed25519 key.
public struct VerifyKey: Sendable {
    private let key: Curve25519.Signing.PublicKey

    init(_ key: Curve25519.Signing.PublicKey) {
        self.key = key
    }

    /// Makes a key of its 32 bytes; nil if they are not a key.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32,
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        else { return nil }
        self.key = key
    }

    /// Makes a key of its Base64 text.
    public init?(base64: String) {
        guard let bytes = Base64.decode(base64) else { return nil }
        self.init(bytes: bytes)
    }

    /// The key's 32 bytes.
    public var bytes: [UInt8] { Array(key.rawRepresentation) }

    /// The key's unpadded Base64 text.
    public var base64: String { Base64.encode(bytes) }

    /// Whether the signature is this key's signature of the message.
    public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        key.isValidSignature(signature, for: message)
    }
}

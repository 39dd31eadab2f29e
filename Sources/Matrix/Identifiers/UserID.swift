/// A user: `@localpart:server`.
///
/// Accepts the historical character set, as servers must; what may be registered is narrower,
/// see `isRegistrable(localpart:)`. Specification: appendices, "User Identifiers".
public struct UserID: Identifier {
    /// The whole identifier.
    public let text: String

    /// Checks the grammar.
    public init?(_ text: String) {
        guard Grammar.isQualified(text, sigil: UInt8(ascii: "@")) else { return nil }
        self.text = text
    }

    /// Takes an identifier that is known to be right.
    public init(trusted text: String) {
        self.text = text
    }

    /// Puts an identifier together; nil if a part is wrong or the whole too long.
    public init?(localpart: some StringProtocol, server: ServerName) {
        self.init("@\(localpart):\(server.text)")
    }

    /// What stands between the sigil and the first colon.
    public var localpart: String {
        Grammar.split(text).map { String($0.localpart) } ?? ""
    }

    /// The server that the user belongs to.
    public var server: ServerName {
        ServerName(trusted: Grammar.split(text).map { String($0.server) } ?? "")
    }

    /// Whether a new account may have this localpart: one or more of `a-z 0-9 . _ = - / +`. The
    /// length counts with the server name, so `init?(localpart:server:)` has the last word.
    public static func isRegistrable(localpart: some StringProtocol) -> Bool {
        !localpart.isEmpty
            && localpart.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "="), UInt8(ascii: "-"),
                    UInt8(ascii: "/"), UInt8(ascii: "+"):
                    true
                default: false
                }
            }
    }
}

/// An event: `$opaque`, with a server in room versions 1 and 2 and a hash from 3 on.
///
/// Specification: appendices, "Event IDs".
public struct EventID: Identifier {
    /// The whole identifier.
    public let text: String

    /// Checks the grammar that all room versions share.
    public init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "$"), text.utf8.count > 1,
            text.utf8.count <= Grammar.identifierBytesMax, !text.utf8.contains(0)
        else { return nil }
        self.text = text
    }

    /// Takes an identifier that is known to be right.
    public init(trusted text: String) {
        self.text = text
    }

    /// The server that allocated the identifier, if it names one, as in room versions 1 and 2.
    public var server: ServerName? {
        guard Grammar.isQualified(text, sigil: UInt8(ascii: "$")) else { return nil }
        return Grammar.split(text).map { ServerName(trusted: String($0.server)) }
    }

    /// Whether the text is a sigil with the unpadded Base64 of 32 bytes after it.
    static func isHash(_ text: String, sigil: UInt8) -> Bool {
        guard text.utf8.first == sigil, text.utf8.count == 44 else { return false }
        return Base64.decode(text.dropFirst())?.count == 32
    }
}

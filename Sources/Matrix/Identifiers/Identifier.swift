public import JSON

/// A Matrix identifier: a sigil and up to 254 bytes more. Compared by its bytes.
///
/// Specification: appendices, "Common Identifier Format".
public protocol Identifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The whole identifier with its sigil.
    var text: String { get }

    /// Checks the grammar; nil if the text breaks it.
    init?(_ text: String)

    /// Takes a text that is known to be right, such as one that this server stored. It is not
    /// checked.
    init(trusted text: String)
}

extension Identifier {
    /// The identifier's text.
    public var description: String { text }

    /// Equality of the bytes.
    public static func == (left: Self, right: Self) -> Bool {
        left.text.hasSameBytes(as: right.text)
    }

    /// The order of the bytes.
    public static func < (left: Self, right: Self) -> Bool {
        left.text.precedesInBytes(right.text)
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
        text.hashBytes(into: &hasher)
    }

    /// The identifier as a JSON string.
    public var json: JSON { .string(text) }
}

/// The parts of an identifier of the form `<sigil>localpart:server`.
enum Grammar {
    static let identifierBytesMax = 255

    static func split(_ text: String) -> (localpart: Substring, server: Substring)? {
        let bytes = text.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let first = bytes.index(after: bytes.startIndex)
        guard first <= colon else { return nil }
        return (text[first..<colon], text[bytes.index(after: colon)...])
    }

    /// Whether the text is `<sigil>localpart:server`, with a localpart of any characters but NUL.
    static func isQualified(_ text: String, sigil: UInt8) -> Bool {
        guard text.utf8.first == sigil, text.utf8.count <= identifierBytesMax,
            let (localpart, server) = split(text)
        else { return false }
        return !localpart.utf8.contains(0) && ServerName.isValid(server)
    }
}

/// The name of a homeserver: a host name or address literal and perhaps a port.
///
/// Specification: appendices, "Server Name". Case matters.
public struct ServerName: Identifier {
    /// The whole name.
    public let text: String

    /// Checks the grammar.
    public init?(_ text: String) {
        guard Self.isValid(text[...]) else { return nil }
        self.text = text
    }

    /// Takes a name that is known to be right.
    public init(trusted text: String) {
        self.text = text
    }

    /// The host without the port; brackets stay around an IPv6 address.
    public var host: Substring {
        Self.split(text[...]).host
    }

    /// The port, if the name has one.
    public var port: UInt16? {
        Self.split(text[...]).port.flatMap { UInt16($0) }
    }

    static func isValid(_ text: Substring) -> Bool {
        guard (1...255).contains(text.utf8.count) else { return false }
        let (host, port) = split(text)
        if let port {
            guard (1...5).contains(port.utf8.count), port.utf8.allSatisfy(isDigit) else {
                return false
            }
        }
        guard host.utf8.first == UInt8(ascii: "[") else { return isNameOrIPv4(host) }
        guard host.utf8.last == UInt8(ascii: "]") else { return false }
        return isIPv6(host.dropFirst().dropLast())
    }

    private static func split(_ text: Substring) -> (host: Substring, port: Substring?) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            text.utf8.first != UInt8(ascii: "[") || text.utf8[..<colon].last == UInt8(ascii: "]")
        else { return (text, nil) }
        return (text[..<colon], text[text.utf8.index(after: colon)...])
    }

    private static func isNameOrIPv4(_ host: Substring) -> Bool {
        !host.isEmpty
            && host.utf8.allSatisfy { byte in
                isDigit(byte) || isLetter(byte) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: ".")
            }
    }

    /// Whether the text has the form of an IPv6 address; which of its groups make sense is left
    /// to the resolver, as the grammar does.
    private static func isIPv6(_ address: Substring) -> Bool {
        (2...45).contains(address.utf8.count)
            && address.utf8.allSatisfy { byte in
                isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
                    || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}

/// A mailbox: `name@host`, and whose it is.
///
/// What does not fit into an envelope or a header field as it stands, such as a line end, is refused;
/// nothing is repaired.
public struct MailAddress: Sendable, Hashable {
    /// The address proper, such as `alice@example.org`.
    public let address: String
    /// The name shown with it, in any script.
    public let displayName: String?

    /// Checks the parts. Quoted local parts and addresses beyond ASCII are not supported.
    public init(_ address: String, displayName: String? = nil) throws(HTTPClientError) {
        guard Self.isAddress(address) else {
            throw HTTPClientError(.invalidRequest, "'\(address.printable)' is not a mail address")
        }
        if let displayName, !displayName.isOneLine {
            throw HTTPClientError(
                .invalidRequest, "the name of \(address) holds a control character")
        }
        self.address = address
        self.displayName = displayName
    }

    /// What stands behind the `@`.
    var domain: Substring { address.split(separator: "@").last ?? "" }

    /// `RFC 5321`, without quoted strings.
    private static func isAddress(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count <= 254, let at = bytes.lastIndex(of: UInt8(ascii: "@")) else {
            return false
        }
        let (local, domain) = (bytes[..<at], bytes[(at + 1)...])
        guard (1...64).contains(local.count), !domain.isEmpty else { return false }
        let isDotted = { (part: ArraySlice<UInt8>, isAllowed: (UInt8) -> Bool) in
            part.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty && $0.allSatisfy(isAllowed) }
        }
        guard isDotted(local, { $0.isAlphanumeric || "!#$%&'*+-/=?^_`{|}~".utf8.contains($0) })
        else { return false }
        if domain.first == UInt8(ascii: "["), domain.last == UInt8(ascii: "]") {
            let literal = String(decoding: domain.dropFirst().dropLast(), as: UTF8.self)
            return IPAddress(literal) != nil
                || literal.hasPrefix("IPv6:") && IPAddress(literal.dropFirst(5)) != nil
        }
        return isDotted(domain) { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
    }
}

extension UInt8 {
    fileprivate var isAlphanumeric: Bool {
        self &- 0x30 < 10 || (self | 0x20) &- 0x61 < 26
    }
}

extension String {
    /// Whether it can stand in a header field.
    var isOneLine: Bool { utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }

    /// For error messages: control characters shown as `?`, and not too long.
    var printable: String {
        String(
            unicodeScalars.prefix(100).map {
                $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0)
            })
    }
}

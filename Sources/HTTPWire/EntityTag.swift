internal import Bytes

/// A validator of a representation: two that are the same have the same tag (RFC 9110, section 8.8.3).
public struct EntityTag: Sendable, Hashable {
    /// Whether it stands for equivalent representations and not for equal bytes.
    public let isWeak: Bool
    /// What stands between the quotes.
    public let text: String

    /// A tag of the given text; what is not allowed between its quotes becomes `-`.
    public init(_ text: String, isWeak: Bool = false) {
        let bytes = text.utf8.map { Self.isAllowed($0) ? $0 : UInt8(ascii: "-") }
        self.text = String(decoding: bytes, as: UTF8.self)
        self.isWeak = isWeak
    }

    /// Reads the value of an `ETag` field; `nil` if it is malformed.
    public init?(field value: RawSpan) {
        var offset = 0
        guard let member = EntityTag.member(of: value, at: &offset), offset == value.byteCount
        else {
            return nil
        }
        text = member.text.string
        isWeak = member.isWeak
    }

    /// The value of an `ETag` field, such as `"a1"` or `W/"a1"`.
    public var field: String { (isWeak ? "W/\"" : "\"") + text + "\"" }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        byte == 0x21 || byte >= 0x23 && byte != 0x7f
    }

    /// Whether a value of `If-Match` or `If-None-Match` names this tag, or is `*`.
    ///
    /// Compares `strongly` where equal bytes matter: weak tags are like no other then. A list that is
    /// malformed ends where it is.
    func isNamed(in value: RawSpan, strongly: Bool) -> Bool {
        if value.equals("*") { return true }
        var offset = 0
        while let member = EntityTag.member(of: value, at: &offset) {
            guard member.text.equals(text: text) else { continue }
            if !strongly || !member.isWeak && !isWeak { return true }
        }
        return false
    }

    private struct Member: ~Escapable {
        let isWeak: Bool
        let text: RawSpan

        @_lifetime(copy text)
        init(isWeak: Bool, text: RawSpan) {
            self.isWeak = isWeak
            self.text = text
        }
    }

    /// The next tag of a list, or `nil` behind the last one.
    @_lifetime(copy value)
    private static func member(of value: RawSpan, at offset: inout Int) -> Member? {
        while offset < value.byteCount,
            [Syntax.space, UInt8(ascii: "\t"), UInt8(ascii: ",")].contains(value.byte(offset))
        {
            offset += 1
        }
        let isWeak = value.extracting(offset..<value.byteCount).starts(with: "W/")
        if isWeak { offset += 2 }
        guard offset < value.byteCount, value.byte(offset) == UInt8(ascii: "\"") else { return nil }
        let start = offset + 1
        guard let end = value.firstIndex(of: UInt8(ascii: "\""), from: start) else { return nil }
        offset = end + 1
        return Member(isWeak: isWeak, text: value.extracting(start..<end))
    }
}

extension RawSpan {
    func equals(text: String) -> Bool {
        var offset = 0
        for byte in text.utf8 {
            guard offset < byteCount, self.byte(offset) == byte else { return false }
            offset += 1
        }
        return offset == byteCount
    }
}

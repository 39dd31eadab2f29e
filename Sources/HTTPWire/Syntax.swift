internal import Bytes

/// The character classes of RFC 9110 and RFC 9112.
enum Syntax {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed: UInt8 = 10
    static let carriageReturn: UInt8 = 13
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")

    // One bit per ASCII character: letters, digits and !#$%&'*+-.^_`|~
    private static let tokenLow: UInt64 = 0x03ff_6cfa_0000_0000
    private static let tokenHigh: UInt64 = 0x57ff_ffff_c7ff_fffe

    /// Whether `byte` may stand in a token: a method, a field name, a coding.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) &<< UInt64(byte & 63)
        if byte < 64 { return tokenLow & bit != 0 }
        return byte < 128 && tokenHigh & bit != 0
    }

    /// Whether `byte` may stand in a field value: visible, space, tab or above ASCII.
    @inline(__always)
    static func isFieldContent(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7f) || byte == tab
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// The value of a hexadecimal digit, or `nil`.
    @inline(__always)
    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }

    /// Whether `bytes` is a token: not empty, nothing but token characters.
    static func isToken(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount > 0 else { return false }
        return bytes.withUnsafeBytes { $0.allSatisfy { isToken($0) } }
    }

    /// Whether `bytes` can be a field's value.
    static func isFieldValue(_ bytes: RawSpan) -> Bool {
        allSatisfy(
            bytes, word: { Word.hasBelow(0x20, $0) | Word.has(0x7f, $0) == 0 },
            byte: { isFieldContent($0) })
    }

    /// Whether `bytes` can be a request target: visible ASCII, and no fragment.
    static func isTarget(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount > 0 else { return false }
        return allSatisfy(
            bytes,
            word: {
                Word.hasBelow(0x21, $0) | Word.has(0x7f, $0) | Word.has(UInt8(ascii: "#"), $0)
                    | $0 & Word.highBits == 0
            },
            byte: { isTargetCharacter($0) })
    }

    @inline(__always)
    static func isTargetCharacter(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#")
    }

    /// Tests eight bytes at a time, because long values (tokens, cookies, filters) are most of what
    /// a head consists of. A word that fails is looked at byte by byte.
    @inline(__always)
    private static func allSatisfy(
        _ bytes: RawSpan, word: (UInt64) -> Bool, byte: (UInt8) -> Bool
    ) -> Bool {
        var offset = 0
        let count = bytes.byteCount
        while offset < count {
            if count &- offset >= 8,
                word(bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            {
                offset &+= 8
                continue
            }
            let end = min(count, offset &+ 8)
            while offset < end {
                guard byte(bytes.byte(offset)) else { return false }
                offset &+= 1
            }
        }
        return true
    }
}

/// A piece of a request's bytes, by offsets, so that it survives a copy of them.
package struct Slice: Sendable, Hashable {
    package var start: UInt32 = 0
    package var end: UInt32 = 0

    @inline(__always)
    package init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    package init() {}

    @inline(__always) package var range: Range<Int> {
        precondition(start <= end, "a slice that ends before it starts")
        return Range(uncheckedBounds: (Int(start), Int(end)))
    }
    @inline(__always) package var count: Int { Int(end &- start) }

    /// The slice without spaces and tabs at its ends.
    @inline(__always)
    func trimmed(in bytes: RawSpan) -> Slice {
        var start = Int(start)
        var end = Int(end)
        while start < end, Syntax.isBlank(bytes.byte(start)) { start += 1 }
        while start < end, Syntax.isBlank(bytes.byte(end - 1)) { end -= 1 }
        return Slice(start, end)
    }
}

extension RawSpan {
    @_lifetime(copy self)
    @inline(__always)
    package func slice(_ slice: Slice) -> RawSpan {
        precondition(slice.start <= slice.end && slice.end <= byteCount, "outside the span")
        return extracting(
            unchecked: Range(uncheckedBounds: (Int(slice.start), Int(slice.end))))
    }
}

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

    /// Whether `bytes` can be a field's value. Looks at sixteen bytes at a time, because long
    /// values (tokens, cookies, filters) are most of what a head consists of.
    static func isFieldValue(_ bytes: RawSpan) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while bytes.count - offset >= 16 {
                let lanes = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
                let bad = ((lanes .< 0x20) .& (lanes .!= tab)) .| (lanes .== 0x7f)
                if any(bad) { return false }
                offset += 16
            }
            while offset < bytes.count {
                if !isFieldContent(bytes[offset]) { return false }
                offset += 1
            }
            return true
        }
    }

    /// Whether `bytes` can be a request target: visible ASCII, and no fragment.
    static func isTarget(_ bytes: RawSpan) -> Bool {
        guard bytes.byteCount > 0 else { return false }
        return bytes.withUnsafeBytes { bytes in
            var offset = 0
            while bytes.count - offset >= 16 {
                let lanes = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
                let bad = (lanes .< 0x21) .| (lanes .> 0x7e) .| (lanes .== UInt8(ascii: "#"))
                if any(bad) { return false }
                offset += 16
            }
            while offset < bytes.count {
                let byte = bytes[offset]
                if byte < 0x21 || byte > 0x7e || byte == UInt8(ascii: "#") { return false }
                offset += 1
            }
            return true
        }
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

    @inline(__always) package var range: Range<Int> { Int(start)..<Int(end) }
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
    func slice(_ slice: Slice) -> RawSpan { extracting(slice.range) }
}

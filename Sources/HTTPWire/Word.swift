internal import Bytes

/// Tests on eight bytes at once.
enum Word {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let highBits: UInt64 = 0x8080_8080_8080_8080

    // Texts as they lie in memory, of a machine that begins with the lowest byte.
    @inline(__always) static var get: UInt32 { word4("GET ") }
    @inline(__always) static var version11: UInt64 { word8("HTTP/1.1") }

    // Zero if no byte passes. Else the lowest bit that is set is the highest one of the first byte
    // that does; bytes above it may be marked without cause.

    /// Looks for bytes below `bound`.
    @inline(__always)
    static func hasBelow(_ bound: UInt8, _ word: UInt64) -> UInt64 {
        (word &- ones &* UInt64(bound)) & ~word & highBits
    }

    /// Looks for `byte`.
    @inline(__always)
    static func has(_ byte: UInt8, _ word: UInt64) -> UInt64 {
        hasBelow(1, word ^ (ones &* UInt64(byte)))
    }

    // The following set the highest bit of each byte that passes and leave no other bit set. Bytes
    // above ASCII never pass. No byte's sum carries into the next one: both are below 0x80.

    @inline(__always)
    static func isBetween(_ first: UInt8, _ last: UInt8, _ word: UInt64) -> UInt64 {
        let low = word & ~highBits
        let reaches = low &+ ones &* UInt64(0x80 &- first)
        let exceeds = low &+ ones &* UInt64(0x7f &- last)
        return reaches & ~exceeds & ~word & highBits
    }

    @inline(__always)
    static func isLetter(_ word: UInt64) -> UInt64 {
        isBetween(0x61, 0x7a, word | ones &* 0x20)
    }

    // MARK: Loading

    @inline(__always)
    static func load8(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        precondition(offset >= 0 && bytes.byteCount &- offset >= 8, "outside the span")
        return UInt64(
            littleEndian: bytes.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    static func load4(_ bytes: RawSpan, _ offset: Int) -> UInt32 {
        precondition(offset >= 0 && bytes.byteCount &- offset >= 4, "outside the span")
        return UInt32(
            littleEndian: bytes.unsafeLoadUnaligned(
                fromUncheckedByteOffset: offset, as: UInt32.self))
    }

    /// The first four bytes of a literal.
    @inline(__always)
    static func word4(_ text: StaticString) -> UInt32 {
        precondition(text.utf8CodeUnitCount >= 4)
        return UInt32(
            littleEndian: UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt32.self))
    }

    /// The first eight bytes of a literal.
    @inline(__always)
    static func word8(_ text: StaticString) -> UInt64 {
        precondition(text.utf8CodeUnitCount >= 8)
        return UInt64(
            littleEndian: UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt64.self))
    }
}

/// Searches eight bytes at a time for those that a JSON string cannot hold as they are.
///
/// The masks have the top bit of each found byte set. A subtraction can borrow from the byte
/// above a found one, so only the lowest set bit is certain, which is all that callers use.
enum WordScan {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    /// Marks quotes, backslashes and control characters.
    @inline(__always)
    static func special(_ word: UInt64) -> UInt64 {
        let control = (word &- ones &* 0x20) & ~word
        return (control & tops) | equal(word, UInt8(ascii: "\"")) | equal(word, UInt8(ascii: "\\"))
    }

    /// Marks the bytes that a style escapes.
    @inline(__always)
    static func escaped(_ word: UInt64, style: JSON.Style) -> UInt64 {
        var mask = special(word)
        if style.isASCIIOnly { mask |= word & tops }
        if style.escapesSlashes { mask |= equal(word, UInt8(ascii: "/")) }
        return mask
    }

    /// How many bytes precede the first marked one.
    @inline(__always)
    static func bytesBefore(_ mask: UInt64) -> Int { mask.trailingZeroBitCount / 8 }

    /// Whether the first bytes of the word are all ASCII.
    @inline(__always)
    static func isASCII(_ word: UInt64, first count: Int) -> Bool {
        count == 8 ? word & tops == 0 : word & tops & ((1 << UInt64(count * 8)) - 1) == 0
    }

    @inline(__always)
    private static func equal(_ word: UInt64, _ byte: UInt8) -> UInt64 {
        let difference = word ^ (ones &* UInt64(byte))
        return (difference &- ones) & ~difference & tops
    }
}

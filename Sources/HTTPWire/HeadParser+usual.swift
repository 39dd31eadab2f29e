internal import Bytes

/// Lines as nearly all clients send them, read eight bytes at a time in one pass.
///
/// These functions accept nothing that the thorough ones refuse and refuse nothing themselves: a
/// line that is incomplete, odd or wrong is left to the thorough ones, which find the error.
extension HeadParser {
    /// A field whose line is complete, with its name and its trimmed value.
    struct UsualField {
        let name: Slice
        let value: Slice
        /// The offset of the line's LF.
        let lineFeed: Int
    }

    /// The field in the line at `start`: a token, a colon, a value without tabs, CR LF.
    @inline(__always)
    static func usualField(_ bytes: RawSpan, at start: Int) -> UsualField? {
        let nameEnd = Scan.endOfName(bytes, from: start)
        guard nameEnd > start, nameEnd < bytes.byteCount, bytes.byte(nameEnd) == Syntax.colon
        else { return nil }
        let end = Scan.endOfText(bytes, from: nameEnd + 1)
        guard isLineEnd(bytes, end) else { return nil }
        var valueStart = nameEnd + 1
        var valueEnd = end
        while valueStart < valueEnd, bytes.byte(valueStart) == Syntax.space { valueStart += 1 }
        while valueStart < valueEnd, bytes.byte(valueEnd - 1) == Syntax.space { valueEnd -= 1 }
        return UsualField(
            name: Slice(start, nameEnd), value: Slice(valueStart, valueEnd), lineFeed: end + 1)
    }

    /// A request line whose target is a path.
    struct UsualRequestLine {
        let target: Slice
        let lineFeed: Int
    }

    /// The line at `start` if it is `GET /… HTTP/1.1`.
    @inline(__always)
    static func usualRequestLine(_ bytes: RawSpan, at start: Int) -> UsualRequestLine? {
        guard start + 5 <= bytes.byteCount, Word.load4(bytes, start) == Word.get,
            bytes.byte(start + 4) == UInt8(ascii: "/")
        else { return nil }
        let end = Scan.endOfTarget(bytes, from: start + 4)
        guard end + 10 < bytes.byteCount, bytes.byte(end) == Syntax.space,
            Word.load8(bytes, end + 1) == Word.version11, isLineEnd(bytes, end + 9)
        else { return nil }
        return UsualRequestLine(target: Slice(start + 4, end), lineFeed: end + 10)
    }

    @inline(__always)
    private static func isLineEnd(_ bytes: RawSpan, _ offset: Int) -> Bool {
        offset + 1 < bytes.byteCount && bytes.byte(offset) == Syntax.carriageReturn
            && bytes.byte(offset + 1) == Syntax.lineFeed
    }
}

/// Searches for the first byte that is not of a class, eight bytes at a time. Each returns the
/// offset of that byte, or the number of bytes.
enum Scan {
    /// The end of a field name.
    @inline(__always)
    static func endOfName(_ bytes: RawSpan, from start: Int) -> Int {
        let offset = scan(bytes, from: start) { word in
            // Letters and hyphens; other token characters are rare enough to be looked at singly.
            ~(Word.isLetter(word) | Word.isBetween(0x2d, 0x2d, word))
        }
        return scanBytes(bytes, from: offset) { Syntax.isToken($0) }
    }

    /// The end of a field value or of another text without tabs.
    @inline(__always)
    static func endOfText(_ bytes: RawSpan, from start: Int) -> Int {
        let offset = scan(bytes, from: start) { word in
            Word.hasBelow(0x20, word) | Word.has(0x7f, word)
        }
        return scanBytes(bytes, from: offset) { $0 >= 0x20 && $0 != 0x7f }
    }

    /// The end of a request target.
    @inline(__always)
    static func endOfTarget(_ bytes: RawSpan, from start: Int) -> Int {
        let offset = scan(bytes, from: start) { word in
            Word.hasBelow(0x21, word) | Word.has(0x7f, word) | Word.has(UInt8(ascii: "#"), word)
                | word
        }
        return scanBytes(bytes, from: offset) { Syntax.isTargetCharacter($0) }
    }

    /// The end of a host's name.
    @inline(__always)
    static func endOfHostName(_ bytes: RawSpan) -> Int {
        let offset = scan(bytes, from: 0) { word in
            ~(Word.isLetter(word) | Word.isBetween(0x30, 0x39, word)
                | Word.isBetween(0x2d, 0x2e, word))
        }
        return scanBytes(bytes, from: offset) { Authority.isNameCharacter($0) }
    }

    /// The first byte that is not of the class, or at most seven bytes before the end. The lowest
    /// of the bytes' highest bits that `word` sets is that of the first byte which is not.
    @inline(__always)
    private static func scan(
        _ bytes: RawSpan, from start: Int, _ word: (UInt64) -> UInt64
    ) -> Int {
        var offset = start
        while bytes.byteCount &- offset >= 8 {
            let others = word(Word.load8(bytes, offset)) & Word.highBits
            if others != 0 { return offset &+ others.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        return offset
    }

    @inline(__always)
    private static func scanBytes(
        _ bytes: RawSpan, from start: Int, _ byte: (UInt8) -> Bool
    ) -> Int {
        var offset = start
        while offset < bytes.byteCount, byte(bytes.byte(offset)) { offset &+= 1 }
        return offset
    }
}

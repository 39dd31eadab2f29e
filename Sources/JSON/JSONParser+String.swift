extension JSONParser {
    /// Parses a string whose opening quote is next.
    mutating func parseString() throws(ParseError) -> String {
        let start = offset + 1
        let plain = try scanPlain(from: start)
        guard byte(at: offset) == UInt8(ascii: "\\") else {
            defer { offset += 1 }
            return try text(start..<offset, isASCII: plain)
        }
        return try parseEscapedString(from: start, isASCII: plain)
    }

    /// Moves behind a string whose opening quote is next, with the same checks.
    mutating func skipString() throws(ParseError) {
        let start = offset + 1
        let plain = try scanPlain(from: start)
        guard plain, byte(at: offset) != UInt8(ascii: "\\") else {
            offset = start - 1
            _ = try parseString()
            return
        }
        offset += 1
    }

    /// Moves to the next quote or backslash; true if all in between is ASCII.
    private mutating func scanPlain(from start: Int) throws(ParseError) -> Bool {
        offset = start
        var isASCII = true
        while offset &+ 8 <= end {
            let loaded = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let word = UInt64(littleEndian: loaded)
            let mask = WordScan.special(word)
            let count = mask == 0 ? 8 : WordScan.bytesBefore(mask)
            isASCII = isASCII && WordScan.isASCII(word, first: count)
            offset += count
            if mask != 0 { break }
        }
        while offset < end {
            let byte = byte(at: offset)
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return isASCII }
            guard byte >= 0x20 else { throw failure(.controlCharacter) }
            isASCII = isASCII && byte < 0x80
            offset += 1
        }
        throw failure(.unexpectedEnd)
    }

    private func text(_ range: Range<Int>, isASCII: Bool) throws(ParseError) -> String {
        let text = bytes.extracting(range).withUnsafeBytes { buffer in
            // Decoding ASCII cannot fail and skips the slower validating initializer.
            isASCII
                ? String(decoding: buffer, as: UTF8.self)
                : String(validating: buffer, as: UTF8.self)
        }
        guard let text else { throw ParseError(offset: range.lowerBound, reason: .invalidUTF8) }
        return text
    }

    /// Parses on from the first backslash, at which the offset stands.
    private mutating func parseEscapedString(
        from start: Int, isASCII: Bool
    ) throws(ParseError) -> String {
        var unescaped: [UInt8] = []
        unescaped.reserveCapacity(offset - start + 16)
        var plain = isASCII
        var runStart = start
        while true {
            bytes.extracting(runStart..<offset).withUnsafeBytes {
                unescaped.append(contentsOf: $0)
            }
            if byte(at: offset) == UInt8(ascii: "\"") { break }
            let scalar = try parseEscape()
            plain = plain && scalar.isASCII
            unescaped.append(
                contentsOf: Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter)
            runStart = offset
            let runIsASCII = try scanPlain(from: offset)
            plain = plain && runIsASCII
        }
        offset += 1
        if plain { return String(decoding: unescaped, as: UTF8.self) }
        guard let text = String(validating: unescaped, as: UTF8.self) else {
            throw ParseError(offset: start, reason: .invalidUTF8)
        }
        return text
    }

    /// Parses one escape sequence (two for a surrogate pair) at whose backslash the offset is.
    private mutating func parseEscape() throws(ParseError) -> Unicode.Scalar {
        guard offset + 1 < end else {
            offset = end
            throw failure(.unexpectedEnd)
        }
        let kind = byte(at: offset + 1)
        guard kind == UInt8(ascii: "u") else {
            guard let scalar = Self.shortEscape(kind) else { throw failure(.invalidEscape) }
            offset += 2
            return scalar
        }
        let start = offset
        let unit = try parseHexEscape()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let lone = ParseError(offset: start, reason: .loneSurrogate)
        guard unit < 0xDC00 else { throw lone }
        // A text that ends here was cut, not wrong.
        guard offset < end else { throw failure(.unexpectedEnd) }
        guard byte(at: offset) == UInt8(ascii: "\\") else { throw lone }
        guard offset + 1 < end else {
            offset = end
            throw failure(.unexpectedEnd)
        }
        guard byte(at: offset + 1) == UInt8(ascii: "u") else { throw lone }
        let low = try parseHexEscape()
        guard (0xDC00...0xDFFF).contains(low) else { throw lone }
        let value = 0x10000 + (UInt32(unit - 0xD800) << 10) + UInt32(low - 0xDC00)
        guard let scalar = Unicode.Scalar(value) else { throw lone }
        return scalar
    }

    private static func shortEscape(_ kind: UInt8) -> Unicode.Scalar? {
        switch kind {
        case UInt8(ascii: "\""): "\""
        case UInt8(ascii: "\\"): "\\"
        case UInt8(ascii: "/"): "/"
        case UInt8(ascii: "b"): "\u{8}"
        case UInt8(ascii: "f"): "\u{C}"
        case UInt8(ascii: "n"): "\n"
        case UInt8(ascii: "r"): "\r"
        case UInt8(ascii: "t"): "\t"
        default: nil
        }
    }

    /// Parses `\uXXXX`, at whose backslash the offset is.
    private mutating func parseHexEscape() throws(ParseError) -> UInt16 {
        let start = offset
        offset += 2
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard offset < end else { throw failure(.unexpectedEnd) }
            guard let digit = Self.hexDigit(byte(at: offset)) else {
                throw ParseError(offset: start, reason: .invalidEscape)
            }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

import Bytes

extension RowReader {
    /// How many arrays and objects may be open inside one column.
    static var depthMax: Int { 128 }

    /// Passes over the number or literal at the offset.
    mutating func skipScalar() {
        while offset < bytes.byteCount {
            switch bytes.byte(offset) {
            case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"), 0x20,
                0x09, 0x0A, 0x0D:
                return
            default: offset += 1
            }
        }
    }

    /// Passes over the value at the offset. Brackets must balance; what stands between them is
    /// checked by who reads it.
    mutating func skipValue() throws(RowError) {
        var depth = 0
        repeat {
            guard offset < bytes.byteCount else { throw failure("a value") }
            switch bytes.byte(offset) {
            case UInt8(ascii: "\""):
                offset = try endOfString(from: offset + 1).end + 1
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                guard depth <= Self.depthMax else { throw failure("less depth") }
                offset += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                guard depth > 0 else { throw failure("a value") }
                depth -= 1
                offset += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D:
                guard depth > 0 else { throw failure("a value") }
                offset += 1
            default: skipScalar()
            }
        } while depth > 0
    }

    /// Finds the quote that ends the string whose content begins at `start`.
    private func endOfString(
        from start: Int
    ) throws(RowError) -> (end: Int, isPlain: Bool) {
        guard let quote = bytes.firstIndex(of: UInt8(ascii: "\""), from: start) else {
            throw failure("\"")
        }
        let candidate = bytes.extracting(start..<quote)
        guard let escape = candidate.firstIndex(of: UInt8(ascii: "\\")) else {
            return (quote, true)
        }
        var index = start + escape
        while index < bytes.byteCount {
            switch bytes.byte(index) {
            case UInt8(ascii: "\""): return (index, false)
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        throw failure("\"")
    }

    /// Reads the string whose opening quote is at the offset.
    mutating func readString() throws(RowError) -> String {
        let start = offset + 1
        let (end, isPlain) = try endOfString(from: start)
        defer { offset = end + 1 }
        let content = bytes.extracting(start..<end)
        guard !isPlain else { return content.string }
        return try unescape(content)
    }

    private func unescape(_ content: RawSpan) throws(RowError) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(content.byteCount)
        var index = 0
        while index < content.byteCount {
            let byte = content.byte(index)
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                index += 1
                continue
            }
            guard index + 1 < content.byteCount else { throw failure("an escape") }
            let escape = content.byte(index + 1)
            index += 2
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                let (scalar, length) = try unicodeEscape(content, at: index)
                text.append(contentsOf: String(Character(scalar)).utf8)
                index += length
            default: throw failure("an escape")
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The scalar of a `\u` escape whose digits begin at `index`, and how many bytes it takes.
    private func unicodeEscape(
        _ content: RawSpan, at index: Int
    ) throws(RowError) -> (Unicode.Scalar, Int) {
        guard let unit = hexadecimal(content, at: index) else { throw failure("four digits") }
        if let scalar = Unicode.Scalar(unit) { return (scalar, 4) }
        // High surrogate: the low one must follow as `\uXXXX`.
        if unit < 0xDC00, index + 6 <= content.byteCount,
            content.byte(index + 4) == UInt8(ascii: "\\"),
            content.byte(index + 5) == UInt8(ascii: "u"),
            let low = hexadecimal(content, at: index + 6), (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
        {
            return (scalar, 10)
        }
        return ("\u{FFFD}", 4)
    }

    private func hexadecimal(_ content: RawSpan, at index: Int) -> UInt32? {
        guard index + 4 <= content.byteCount else { return nil }
        var value: UInt32 = 0
        for offset in index..<index + 4 {
            let byte = content.byte(offset)
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
            default: return nil
            }
        }
        return value
    }
}

/// Parts of JSON texts that are assembled by hand.
extension [UInt8] {
    /// Appends a string with its quotes and the shortest escapes.
    public mutating func appendJSONString(_ text: String, style: JSON.Style = .compact) {
        var text = text
        text.withUTF8 { appendJSONString(utf8: UnsafeRawBufferPointer($0), style: style) }
    }

    /// Appends a string given as UTF-8, which is not checked, with its quotes and escapes.
    public mutating func appendJSONString(utf8 text: RawSpan, style: JSON.Style = .compact) {
        text.withUnsafeBytes { appendJSONString(utf8: $0, style: style) }
    }

    /// Appends a number.
    public mutating func appendJSONInteger(_ value: Int64) {
        guard value < 0 || value > 9 else { return append(UInt8(ascii: "0") + UInt8(value)) }
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var first = 20
        var rest = value.magnitude
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        } while rest > 0
        if value < 0 { append(UInt8(ascii: "-")) }
        while first < 20 {
            append(digits[first])
            first += 1
        }
    }

    mutating func append(ascii text: StaticString) {
        append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func appendJSONString(utf8 text: UnsafeRawBufferPointer, style: JSON.Style) {
        append(UInt8(ascii: "\""))
        var runStart = 0
        var index = 0
        while index < text.count {
            if index &+ 8 <= text.count {
                let word = text.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let mask = WordScan.escaped(UInt64(littleEndian: word), style: style)
                index += mask == 0 ? 8 : WordScan.bytesBefore(mask)
                if mask == 0 { continue }
            }
            let byte = text[index]
            guard
                byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
                    || (byte >= 0x80 && style.isASCIIOnly)
                    || (byte == UInt8(ascii: "/") && style.escapesSlashes)
            else {
                index += 1
                continue
            }
            append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart..<index]))
            index += byte < 0x80 ? appendEscape(of: byte) : appendHexEscapes(of: text[index...])
            runStart = index
        }
        append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart...]))
        append(UInt8(ascii: "\""))
    }

    /// Appends the escape of an ASCII character; returns the bytes it stands for.
    private mutating func appendEscape(of byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            append(UInt8(ascii: "\\"))
            append(byte)
        case 0x08: append(ascii: "\\b")
        case 0x09: append(ascii: "\\t")
        case 0x0A: append(ascii: "\\n")
        case 0x0C: append(ascii: "\\f")
        case 0x0D: append(ascii: "\\r")
        default: appendHexEscape(UInt16(byte))
        }
        return 1
    }

    /// Appends the escapes of the first scalar; returns the bytes it stands for.
    private mutating func appendHexEscapes(of text: Slice<UnsafeRawBufferPointer>) -> Int {
        var decoder = UTF8()
        var bytes = text.prefix(4).makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&bytes) else {
            appendHexEscape(0xFFFD)
            return 1
        }
        for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
            appendHexEscape(unit)
        }
        return UTF8.width(scalar)
    }

    private mutating func appendHexEscape(_ unit: UInt16) {
        append(ascii: "\\u")
        for shift in stride(from: 12, through: 0, by: -4) {
            let digit = UInt8(unit >> shift & 0xF)
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

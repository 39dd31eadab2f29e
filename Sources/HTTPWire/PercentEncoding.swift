internal import Bytes

/// Percent-encoding of RFC 3986.
public enum PercentEncoding {
    /// The decoded bytes, or `nil` if a percent sign is not followed by two hexadecimal digits.
    /// With `plusIsSpace`, as in a query, `+` becomes a space.
    public static func decode(_ bytes: RawSpan, plusIsSpace: Bool = false) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.byteCount)
        var offset = 0
        while offset < bytes.byteCount {
            let byte = bytes.byte(offset)
            if byte == UInt8(ascii: "%") {
                guard offset + 2 < bytes.byteCount,
                    let high = Syntax.hexadecimal(bytes.byte(offset + 1)),
                    let low = Syntax.hexadecimal(bytes.byte(offset + 2))
                else { return nil }
                decoded.append(high << 4 | low)
                offset += 3
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? Syntax.space : byte)
                offset += 1
            }
        }
        return decoded
    }

    /// The decoded text, or `nil` if the encoding is broken or the result is not UTF-8.
    public static func decodeText(_ bytes: RawSpan, plusIsSpace: Bool = false) -> String? {
        if !needsDecoding(bytes, plusIsSpace: plusIsSpace) { return bytes.validatedString }
        guard let decoded = decode(bytes, plusIsSpace: plusIsSpace) else { return nil }
        return String(validating: decoded, as: UTF8.self)
    }

    /// Whether ``decodeText(_:plusIsSpace:)`` would return something, without making a string
    /// when nothing is encoded.
    public static func isDecodable(_ bytes: RawSpan) -> Bool {
        if !needsDecoding(bytes, plusIsSpace: false) {
            return bytes.withUnsafeBytes { $0.allSatisfy { $0 < 0x80 } }
                || bytes.validatedString != nil
        }
        return decodeText(bytes) != nil
    }

    /// Appends `text`, with everything encoded but the unreserved characters of RFC 3986.
    public static func append(_ text: String, to output: inout [UInt8]) {
        let digits: StaticString = "0123456789ABCDEF"
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                output.append(digits.utf8Start[Int(byte >> 4)])
                output.append(digits.utf8Start[Int(byte & 15)])
            }
        }
    }

    private static func needsDecoding(_ bytes: RawSpan, plusIsSpace: Bool) -> Bool {
        bytes.firstIndex(of: UInt8(ascii: "%")) != nil
            || (plusIsSpace && bytes.firstIndex(of: UInt8(ascii: "+")) != nil)
    }
}

/// Unpadded Base64, as RFC 4648 has it but for the padding.
///
/// Specification: appendices, "Unpadded Base64".
public enum Base64 {
    /// Which characters stand for 62 and 63.
    public enum Alphabet: Sendable {
        /// `+` and `/`.
        case standard
        /// `-` and `_`.
        case urlSafe
    }

    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    /// Encodes without padding.
    public static func encode(
        _ bytes: some Sequence<UInt8>, alphabet: Alphabet = .standard
    ) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        func letter(_ value: UInt32) -> UInt8 {
            switch value {
            case 62: alphabet == .standard ? UInt8(ascii: "+") : UInt8(ascii: "-")
            case 63: alphabet == .standard ? UInt8(ascii: "/") : UInt8(ascii: "_")
            default: letters[Int(value)]
            }
        }
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                text.append(letter(bits >> UInt32(bitCount) & 63))
            }
        }
        if bitCount > 0 { text.append(letter(bits << UInt32(6 - bitCount) & 63)) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Decodes either alphabet, with or without padding; nil if the text is neither.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count * 3 / 4)
        var bits: UInt32 = 0
        var bitCount = 0
        var digits = 0
        var padding = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: byte) else { return nil }
            digits += 1
            bits = bits << 6 | value
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        guard digits % 4 != 1, padding == 0 || (digits + padding) % 4 == 0, padding < 3 else {
            return nil
        }
        return bytes
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}

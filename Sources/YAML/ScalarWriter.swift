/// Text in double quotes, with every escape that YAML and JSON share.
public func quotedScalar(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": quoted += "\\\""
        case "\\": quoted += "\\\\"
        case "\n": quoted += "\\n"
        case "\r": quoted += "\\r"
        case "\t": quoted += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7f:
            let digits = String(scalar.value, radix: 16)
            quoted += "\\x" + (digits.count == 1 ? "0" : "") + digits
        case _ where needsUnicodeEscape(scalar):
            let digits = String(scalar.value, radix: 16)
            quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + "\""
}

/// Text as one would write it into a file: plain where that means the same, otherwise in quotes.
public func scalar(_ text: String) -> String {
    let isSimple = text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            return true
        default: return "/._-+".utf8.contains(byte)
        }
    }
    guard isSimple, let first = text.utf8.first, !"-+.".utf8.contains(first),
        case .string = resolvePlain(text), !looksLikeTimestamp(text)
    else { return quotedScalar(text) }
    return text
}

/// C1 controls, line separators, byte order marks and non-characters are not printable in YAML.
private func needsUnicodeEscape(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x80...0xa0, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff: return true
    default: return false
    }
}

/// Anything that begins with a year and a dash; PyYAML would make a date of some of it.
private func looksLikeTimestamp(_ text: String) -> Bool {
    let bytes = Array(text.utf8.prefix(5))
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return bytes.count == 5 && bytes[4] == UInt8(ascii: "-")
        && bytes[..<4].allSatisfy { digits.contains($0) }
}

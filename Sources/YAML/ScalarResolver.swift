/// What a scalar means, by its tag or, for plain text, by the rules of YAML 1.1 as PyYAML has them.
func resolve(
    _ text: String, isPlain: Bool, tag: String?, at position: SourcePosition
) throws(LoadError) -> Node.Content {
    guard let tag else { return isPlain ? resolvePlain(text) : .string(text) }
    let prefix = "tag:yaml.org,2002:"
    guard tag != "!" else { return .string(text) }
    guard tag.hasPrefix(prefix) else {
        throw LoadError("the tag \(tag) is not supported", at: position)
    }
    let content = resolvePlain(text)
    switch (tag.dropFirst(prefix.count), content) {
    case ("str", _): return .string(text)
    case ("null", _): return .null
    case ("bool", .bool), ("int", .integer), ("float", .float): return content
    case ("float", .integer(let value)): return .float(Double(value))
    case ("merge", _), ("value", _), ("timestamp", _): return .string(text)
    default: throw LoadError("\(quotedScalar(text)) does not fit the tag \(tag)", at: position)
    }
}

/// Plain text to null, truth value, number or text.
func resolvePlain(_ text: String) -> Node.Content {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .bool(true)
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .bool(false)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .float(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .float(-.infinity)
    case ".nan", ".NaN", ".NAN": return .float(.nan)
    default: return resolveNumber(text) ?? .string(text)
    }
}

private func resolveNumber(_ text: String) -> Node.Content? {
    var rest = Substring(text)
    guard let first = rest.utf8.first, first < UInt8(ascii: ":"), text.utf8.count <= 400 else {
        return nil
    }
    var isNegative = false
    if rest.hasPrefix("-") || rest.hasPrefix("+") {
        isNegative = rest.hasPrefix("-")
        rest = rest.dropFirst()
    }
    if rest.contains(":") { return resolveSexagesimal(rest, isNegative: isNegative) }
    if let digits = wholeDigits(rest) {
        let signed = isNegative ? "-\(digits.text)" : digits.text
        if let value = Int64(signed, radix: digits.radix) { return .integer(value) }
        // Python's numbers have no end; ours become floating ones beyond 64 bits.
        return digits.radix == 10 ? Double(signed).map { .float($0) } : nil
    }
    return resolveFloat(rest, isSigned: rest.startIndex != text.startIndex).map {
        .float(isNegative ? -$0 : $0)
    }
}

/// The digits of a whole number without its underscores, and their base.
private func wholeDigits(_ text: Substring) -> (text: String, radix: Int)? {
    func digits(_ part: Substring, _ isDigit: (Character) -> Bool) -> String? {
        guard part.allSatisfy({ $0 == "_" || isDigit($0) }) else { return nil }
        let bare = part.filter { $0 != "_" }
        return bare.isEmpty ? nil : String(bare)
    }
    if text == "0" { return ("0", 10) }
    if text.hasPrefix("0b") {
        return digits(text.dropFirst(2)) { $0 == "0" || $0 == "1" }.map { ($0, 2) }
    }
    if text.hasPrefix("0x") {
        return digits(text.dropFirst(2)) { $0.isASCII && $0.isHexDigit }.map { ($0, 16) }
    }
    if text.hasPrefix("0") {
        return digits(text) { ("0"..."7").contains($0) }.map { ($0, 8) }
    }
    guard let first = text.first, ("1"..."9").contains(first) else { return nil }
    return digits(text) { ("0"..."9").contains($0) }.map { ($0, 10) }
}

/// `1.5`, `1.`, `.5`, `1.5e+3`; an exponent needs its sign and the point is not optional.
private func resolveFloat(_ text: Substring, isSigned: Bool) -> Double? {
    guard let point = text.firstIndex(of: ".") else { return nil }
    let whole = text[..<point]
    var fraction = text[text.index(after: point)...]
    var exponent = ""
    if let mark = fraction.firstIndex(where: { $0 == "e" || $0 == "E" }) {
        let power = fraction[fraction.index(after: mark)...]
        guard power.hasPrefix("+") || power.hasPrefix("-") else { return nil }
        let digits = power.dropFirst()
        guard !digits.isEmpty, digits.allSatisfy(isDecimal) else { return nil }
        exponent = "e\(power)"
        fraction = fraction[..<mark]
    }
    if let first = whole.first {
        guard isDecimal(first) else { return nil }
    } else {
        guard let first = fraction.first, isDecimal(first), !isSigned else { return nil }
    }
    let isFine = { (character: Character) in character == "_" || isDecimal(character) }
    guard whole.allSatisfy(isFine), fraction.allSatisfy(isFine) else { return nil }
    let bare = { (part: Substring) in part.filter { $0 != "_" } }
    return Double("0\(bare(whole)).\(bare(fraction))0\(exponent)")
}

/// `1:30` is ninety: YAML 1.1 counts in sixties.
///
/// Times of day in quotes stay text.
private func resolveSexagesimal(_ text: Substring, isNegative: Bool) -> Node.Content? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 12, let head = parts.first, let first = head.first, isDecimal(first)
    else { return nil }
    let isWhole = !text.contains(".")
    guard !isWhole || first != "0" else { return nil }
    guard head.allSatisfy({ $0 == "_" || isDecimal($0) }) else { return nil }
    var total = Double(head.filter { $0 != "_" }) ?? 0
    for (index, part) in parts.dropFirst().enumerated() {
        var digits = part
        var fraction: Substring = ""
        if index == parts.count - 2, let point = part.firstIndex(of: ".") {
            digits = part[..<point]
            fraction = part[part.index(after: point)...]
            guard fraction.allSatisfy({ $0 == "_" || isDecimal($0) }) else { return nil }
        }
        guard (1...2).contains(digits.count), digits.allSatisfy(isDecimal),
            let value = Int(digits), value < 60
        else { return nil }
        total = total * 60 + Double(value) + (Double("0.\(fraction.filter { $0 != "_" })0") ?? 0)
    }
    let signed = isNegative ? -total : total
    if isWhole, let value = Int64(exactly: signed), abs(signed) < 9e15 { return .integer(value) }
    return .float(signed)
}

private func isDecimal(_ character: Character) -> Bool { ("0"..."9").contains(character) }

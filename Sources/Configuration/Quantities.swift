internal import YAML

/// Numbers of bytes as people write them: `512`, `64K`, `10M`, `1G`.
enum Size {
    private static let units: [(suffix: Character, shift: Int)] = [
        ("T", 40), ("G", 30), ("M", 20), ("K", 10),
    ]

    static func parse(_ node: Node) -> Int? {
        if let number = node.integer { return number >= 0 ? Int(number) : nil }
        guard var text = node.string?[...] else { return nil }
        guard let last = text.last?.uppercased() else { return nil }
        var shift = 0
        if let unit = units.first(where: { String($0.suffix) == last }) {
            shift = unit.shift
            text = text.dropLast()
        }
        return scaled(text, by: 1 << shift)
    }

    static func text(_ bytes: Int) -> String {
        for (suffix, shift) in units where bytes > 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(suffix)"
        }
        return "\(bytes)"
    }
}

/// Spans of time as people write them: `30s`, `5m`, `2h`, `1d`; a bare number is milliseconds.
enum Span {
    private static let units: [(suffix: Character, milliseconds: Int)] = [
        ("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000),
        ("m", 60_000), ("s", 1000),
    ]

    static func parse(_ node: Node) -> Duration? {
        if let number = node.integer { return number >= 0 ? .milliseconds(number) : nil }
        guard let text = node.string, let last = text.last else { return nil }
        if text.hasSuffix("ms") {
            return scaled(text.dropLast(2), by: 1).map { .milliseconds($0) }
        }
        guard let unit = units.first(where: { $0.suffix == last }) else {
            return scaled(text[...], by: 1).map { .milliseconds($0) }
        }
        return scaled(text.dropLast(), by: unit.milliseconds).map { .milliseconds($0) }
    }

    static func text(_ span: Duration) -> String {
        let (seconds, attoseconds) = span.components
        let milliseconds = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
        for (suffix, length) in units where milliseconds > 0 && milliseconds % length == 0 {
            return "\(milliseconds / length)\(suffix)"
        }
        return "\(milliseconds)ms"
    }
}

/// Decimal digits times a factor, or nothing where that is not a number or does not fit.
private func scaled(_ digits: Substring, by factor: Int) -> Int? {
    guard !digits.isEmpty, digits.allSatisfy({ ("0"..."9").contains($0) }),
        let number = Int(digits)
    else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
}

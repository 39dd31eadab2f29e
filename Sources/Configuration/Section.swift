internal import YAML

/// A mapping being read: hands out typed values and reports what does not fit.
///
/// It remembers which keys were asked for, so that the rest can be reported as unknown.
final class Section {
    let mapping: Mapping
    /// Where the mapping begins, the place of what is missing in it.
    let position: SourcePosition
    let report: Report
    private let prefix: String
    private var asked: Set<String> = []

    init(_ mapping: Mapping, prefix: String, at position: SourcePosition, report: Report) {
        self.mapping = mapping
        self.prefix = prefix
        self.position = position
        self.report = report
    }

    /// The full name of a key of this mapping.
    func name(_ key: String) -> String { prefix.isEmpty ? key : "\(prefix).\(key)" }

    /// The value under a key; null counts as absent.
    func node(_ key: String) -> Node? {
        asked.insert(key)
        guard let node = mapping[key], !node.isNull else { return nil }
        return node
    }

    /// Whether the key is written, with whatever value.
    func has(_ key: String) -> Bool { mapping.entry(key) != nil }

    /// Where a key is written, or else where its mapping begins.
    func place(of key: String) -> SourcePosition {
        mapping.entry(key)?.key.position ?? position
    }

    /// Reports a mistake at the key, or at another key of which it is a consequence.
    func fail(_ key: String, _ wrong: String, expected: String, near other: String? = nil) {
        let place = has(key) ? place(of: key) : place(of: other ?? key)
        report.add(.error, at: place, key: name(key), "\(wrong), expected \(expected)")
    }

    func warn(_ key: String, _ message: String) {
        report.add(.warning, at: place(of: key), key: name(key), message)
    }

    func inform(_ key: String, _ message: String) {
        report.add(.info, at: place(of: key), key: name(key), message)
    }

    /// Reports a value of the wrong kind, at the value's own place.
    func mismatch(_ key: String, _ node: Node, expected: String) {
        report.add(
            .error, at: node.position, key: name(key), "is \(node.summary), expected \(expected)")
    }

    /// Counts keys as known without reading them.
    func ignore(_ keys: some Sequence<String>) { asked.formUnion(keys) }

    /// Warns about every key that nobody asked for.
    func reportUnknownKeys(explained: [String: String] = [:]) {
        for entry in mapping.entries {
            let key = entry.key.text
            guard entry.key.string != nil else {
                report.add(
                    .warning, at: entry.key.position, key: name(key),
                    "is \(entry.key.summary) and not used, expected a name as key")
                continue
            }
            guard !asked.contains(key) else { continue }
            if let reason = explained[key] {
                inform(key, reason)
            } else if let similar = closest(to: key, among: asked.union(explained.keys)) {
                warn(key, "is not a known key and not used, did you mean \(similar)?")
            } else {
                warn(key, "is not a known key and not used")
            }
        }
    }
}

extension Section {
    func string(_ key: String, expected: String = "a text") -> String? {
        guard let node = node(key) else { return nil }
        if let text = node.string { return text }
        mismatch(key, node, expected: expected)
        return nil
    }

    /// Any scalar as it is written: passwords and names may look like numbers.
    func text(_ key: String, expected: String = "a text") -> String? {
        guard let node = node(key) else { return nil }
        if node.sequence == nil && node.mapping == nil { return node.text }
        mismatch(key, node, expected: expected)
        return nil
    }

    func bool(_ key: String) -> Bool? {
        guard let node = node(key) else { return nil }
        if let value = node.bool { return value }
        mismatch(key, node, expected: "true or false")
        return nil
    }

    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = node(key) else { return nil }
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        if let value = node.integer, range.contains(Int(value)) { return Int(value) }
        mismatch(key, node, expected: expected)
        return nil
    }

    func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
        guard let node = node(key) else { return nil }
        if let value = node.number, range.contains(value) { return value }
        mismatch(
            key, node, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    func port(_ key: String) -> UInt16? {
        integer(key, in: 0...65535).map { UInt16($0) }
    }

    /// Bytes: a number, or a text such as `10M`.
    func size(_ key: String, in range: ClosedRange<Int> = 0...(1 << 40)) -> Int? {
        guard let node = node(key) else { return nil }
        if let value = Size.parse(node), range.contains(value) { return value }
        mismatch(
            key, node,
            expected: "a size from \(Size.text(range.lowerBound)) to \(Size.text(range.upperBound))"
                + " such as 512K or 10M")
        return nil
    }

    /// A span of time: milliseconds, or a text such as `30s`.
    func duration(_ key: String, in range: ClosedRange<Duration>) -> Duration? {
        guard let node = node(key) else { return nil }
        if let value = Span.parse(node), range.contains(value) { return value }
        mismatch(
            key, node,
            expected: "a time from \(Span.text(range.lowerBound)) to \(Span.text(range.upperBound))"
                + " such as 30s or 5m, or milliseconds")
        return nil
    }

    func strings(_ key: String, expected: String = "a list of texts") -> [(String, Node)]? {
        guard let node = node(key) else { return nil }
        guard let elements = node.sequence else {
            mismatch(key, node, expected: expected)
            return nil
        }
        var strings: [(String, Node)] = []
        for (index, element) in elements.enumerated() {
            if let text = element.string {
                strings.append((text, element))
            } else if element.isNull {
                strings.append(("", element))
            } else {
                mismatch("\(key)[\(index)]", element, expected: "a text")
            }
        }
        return strings
    }

    func section(_ key: String, expected: String = "a mapping") -> Section? {
        guard let node = node(key) else { return nil }
        return section(of: node, named: key, expected: expected)
    }

    /// Reads a value as a mapping of its own; for elements of lists.
    func section(of node: Node, named key: String, expected: String = "a mapping") -> Section? {
        guard let inner = node.mapping else {
            mismatch(key, node, expected: expected)
            return nil
        }
        return Section(inner, prefix: name(key), at: node.position, report: report)
    }
}

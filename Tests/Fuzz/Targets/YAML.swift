import FuzzHTTP
import YAML

func checkYAML(_ input: [UInt8]) throws(Violation) {
    let narrow = LoadLimits(bytesMax: 4096, depthMax: 6, nodesMax: 60)
    let small = Result { () throws(LoadError) in
        try Document(parsing: input, file: "f", limits: narrow)
    }
    let document: Document
    do {
        document = try Document(parsing: input, file: "f")
    } catch {
        try checkPosition(error.position, input)
        if case .success = small { throw Violation(description: "wider limits refuse: \(error)") }
        return
    }
    if case .success(let small) = small {
        var walk = Walk(input: input, depthMax: narrow.depthMax, nodesMax: narrow.nodesMax)
        try walk.visit(small.root, depth: 0)
    }
    let limits = LoadLimits()
    var walk = Walk(input: input, depthMax: limits.depthMax, nodesMax: limits.nodesMax)
    try walk.visit(document.root, depth: 0)
    for problem in document.duplicateKeys { try checkPosition(problem.position, input) }
    // Rewriting a document of many aliases is slow and shows nothing new.
    guard walk.nodes < 2000 else { return }
    let text = written(document.root)
    let again = try expectSuccess("written as \(text)") { try Document(parsing: text, file: "g") }
    try require(written(again.root) == text, "written \(text), read \(written(again.root))")
}

private func checkPosition(_ position: SourcePosition, _ input: [UInt8]) throws(Violation) {
    // YAML 1.1 has five kinds of line break, the longest of three bytes.
    try require((0...input.count + 1).contains(position.line), "line \(position.line)")
    try require((0...input.count + 1).contains(position.column), "column \(position.column)")
}

private struct Walk {
    let input: [UInt8]
    let depthMax: Int
    let nodesMax: Int
    var nodes = 0

    mutating func visit(_ node: Node, depth: Int) throws(Violation) {
        nodes += 1
        try require(nodes <= nodesMax, "more than \(nodesMax) nodes")
        // An alias may stand as deep as the limit for what it stands for.
        try require(depth <= 2 * depthMax, "more than \(depthMax) deep")
        try checkPosition(node.position, input)
        try require(!node.summary.contains("\n"), "the summary is more than a line")
        for element in node.sequence ?? [] { try visit(element, depth: depth + 1) }
        guard let mapping = node.mapping else { return }
        for entry in mapping.entries {
            try visit(entry.key, depth: depth + 1)
            try visit(entry.value, depth: depth + 1)
            guard let key = entry.key.string else { continue }
            try require(mapping.entry(key)?.key.string == key, "the key \(key) is not found")
        }
    }
}

/// The tree as a document on one line.
private func written(_ node: Node) -> String {
    switch node.content {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .float(let value): written(value)
    case .string(let value): scalar(value)
    case .sequence(let elements): "[" + elements.map(written).joined(separator: ", ") + "]"
    case .mapping(let mapping):
        "{"
            + mapping.entries.map { "? \(writtenKey($0.key)) : \(written($0.value))" }
            .joined(separator: ", ") + "}"
    }
}

private func writtenKey(_ key: Node) -> String {
    // Plain, it would merge.
    key.string == "<<" ? quotedScalar("<<") : written(key)
}

/// A number without a point would be read as a whole one, or as text.
private func written(_ value: Double) -> String {
    if value.isNaN { return ".nan" }
    if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
    let text = "\(value)"
    guard let mark = text.firstIndex(of: "e"), !text[..<mark].contains(".") else { return text }
    return text[..<mark] + ".0" + text[mark...]
}

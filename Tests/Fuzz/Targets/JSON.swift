import FuzzHTTP
import JSON

func checkJSON(_ input: [UInt8]) throws(Violation) {
    var members: [(key: String, range: Range<Int>)] = []
    let walked = Result { () throws(JSON.ParseError) in
        try JSON.forEachMember(of: input.span.bytes) { members.append(($0, $1)) }
    }
    let value: JSON
    do {
        value = try JSON(parsing: input)
    } catch {
        try require((0...input.count).contains(error.offset), "offset \(error.offset)")
        if case .success = walked { throw Violation(description: "walked, but not parsed") }
        return
    }
    try checkWriting(value)
    try checkCanonical(value)
    guard let object = value.objectValue else {
        if case .success = walked { throw Violation(description: "walked, but no object") }
        return
    }
    _ = try expectSuccess("walking") { try walked.get() }
    var seen = JSON.Object()
    for (key, range) in members {
        try require(range.upperBound <= input.count, "range \(range)")
        seen[key] = try expectSuccess("member \(key)") { try JSON(parsing: Array(input[range])) }
    }
    try require(seen == object, "walked \(seen) instead of \(object)")
}

private func checkWriting(_ value: JSON) throws(Violation) {
    for style in [JSON.Style.compact, .ascii, .asciiEscapingSlashes, .pretty] {
        let text = value.bytes(style: style)
        let again = try expectSuccess("written as \(style)") { try JSON(parsing: text) }
        try require(again == value, "\(style): \(again) instead of \(value)")
        try require(again.hashValue == value.hashValue, "\(style): hashes differ")
        try require(again.bytes(style: style) == text, "\(style): written twice, it differs")
        if style.isASCIIOnly { try require(text.allSatisfy { $0 < 0x80 }, "not ASCII") }
        if !style.isIndented { try require(text.allSatisfy { $0 >= 0x20 }, "controls") }
    }
}

private func checkCanonical(_ value: JSON) throws(Violation) {
    let text = value.canonicalBytes
    let again = try expectSuccess("canonical") { try JSON(parsing: text) }
    try require(again.canonicalBytes == text, "canonical JSON is no fixed point: \(value)")
    if value.isCanonical { try require(again == value, "canonical: \(again), not \(value)") }
}

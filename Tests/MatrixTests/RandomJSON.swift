import JSON

/// SplitMix64, so that a failing seed can be run again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension JSON {
    /// A content as clients might send it, with keys that the redaction rules know among others.
    static func randomObject(using generator: inout SeededGenerator) -> Object {
        let keys = ["body", "membership", "users", "ban", "creator", "é", "\u{1F600}", "\"\\\n"]
        var object = Object()
        for key in keys where Bool.random(using: &generator) {
            object[key] = randomValue(depth: 3, using: &generator)
        }
        return object
    }

    private static func randomValue(depth: Int, using generator: inout SeededGenerator) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &generator) {
        case 0: .null
        case 1: .bool(.random(using: &generator))
        case 2: .integer(.random(in: canonicalIntegers, using: &generator))
        case 3: .string(["", "x", "日本語", "\u{0}\u{7f}/"].randomElement(using: &generator) ?? "")
        case 4: .array([randomValue(depth: depth - 1, using: &generator)])
        default: .object(["k": randomValue(depth: depth - 1, using: &generator)])
        }
    }
}

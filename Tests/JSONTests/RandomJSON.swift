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
    static func random(
        depth: Int = 4, integersOnly: Bool = false, using generator: inout SeededGenerator
    ) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(.random(in: canonicalIntegers, using: &generator))
        case 3: return .integer(.random(in: -20...20, using: &generator))
        case 4 where !integersOnly:
            let value = Double(bitPattern: generator.next())
            return .double(value.isFinite ? value : 0.25)
        case 4, 5: return .string(randomString(using: &generator))
        case 6:
            return .array(
                (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                    random(depth: depth - 1, integersOnly: integersOnly, using: &generator)
                })
        default:
            return .object(
                Object(
                    (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                        (
                            randomString(using: &generator),
                            random(depth: depth - 1, integersOnly: integersOnly, using: &generator)
                        )
                    }))
        }
    }

    static func randomString(using generator: inout SeededGenerator) -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0...0x1F, 0x20...0x7F, 0x20...0x7F, 0x20...0x7F, 0x80...0x7FF, 0x300...0x36F,
            0x800...0xD7FF, 0xE000...0xFFFF, 0x10000...0x10FFFF,
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            let range = ranges.randomElement(using: &generator) ?? 0...0
            text.append(Unicode.Scalar(.random(in: range, using: &generator)) ?? "?")
        }
        return String(text)
    }
}

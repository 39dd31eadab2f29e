import JSON
import Testing

@Suite struct Properties {
    @Test(arguments: [
        JSON.Style.compact, .ascii, .asciiEscapingSlashes, .pretty,
    ])
    func whatIsWrittenParsesToTheSameValue(style: JSON.Style) throws {
        for seed in 0..<500 as Range<UInt64> {
            var generator = SeededGenerator(state: seed)
            let value = JSON.random(using: &generator)
            let text = value.bytes(style: style)
            #expect(try JSON(parsing: text) == value, "seed \(seed)")
            if style.isASCIIOnly { #expect(text.allSatisfy { $0 < 0x80 }, "seed \(seed)") }
        }
    }

    @Test func canonicalTextIsAFixedPoint() throws {
        for seed in 0..<500 as Range<UInt64> {
            var generator = SeededGenerator(state: seed)
            let value = JSON.random(integersOnly: true, using: &generator)
            #expect(value.isCanonical)
            let text = value.canonicalBytes
            #expect(try JSON(parsing: text).canonicalBytes == text, "seed \(seed)")
            let pretty = value.bytes(style: .pretty)
            #expect(try JSON(parsing: pretty).canonicalBytes == text, "seed \(seed)")
        }
    }

    @Test func damagedTextNeverTraps() {
        for seed in 0..<500 as Range<UInt64> {
            var generator = SeededGenerator(state: seed)
            var text = JSON.random(using: &generator).bytes
            for _ in 0..<3 {
                let index = Int.random(in: text.indices, using: &generator)
                text[index] = UInt8.random(in: 0...255, using: &generator)
            }
            let parsed = try? JSON(parsing: text)
            let walked: Void? = try? JSON.forEachMember(of: text.span.bytes) { _, range in
                precondition(range.upperBound <= text.count)
            }
            // Both readers must agree on what an object is.
            #expect((parsed?.objectValue != nil) == (walked != nil), "seed \(seed)")
        }
    }
}

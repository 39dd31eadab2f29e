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

    /// Strings are scanned eight bytes at a time: each byte must be seen at each place.
    @Test(arguments: ["\"", "\\", "\u{0}", "\u{1f}", "\n", "/", "\u{7f}", "é", "日", "😀"])
    func noByteHidesInAWord(special: String) throws {
        for length in 0..<20 {
            for place in 0...length {
                let before = String(repeating: "!", count: place)
                let text = before + special + String(repeating: "~", count: length - place)
                for style in [JSON.Style.compact, .ascii, .asciiEscapingSlashes] {
                    let written = JSON.string(text).bytes(style: style)
                    #expect(try JSON(parsing: written) == .string(text))
                    #expect(written.allSatisfy { $0 >= 0x20 })
                    if style.isASCIIOnly { #expect(written.allSatisfy { $0 < 0x80 }) }
                }
                let raw = Array("\"\(text)\"".utf8)
                let isPlain = special.utf8.allSatisfy { $0 >= 0x20 } && !"\"\\".contains(special)
                #expect(((try? JSON(parsing: raw)) == .string(text)) == isPlain)
            }
        }
    }
}

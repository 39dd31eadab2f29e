import Testing

@testable import Matrix

@Suite struct PushPatterns {
    @Test(arguments: [
        ("lunc?*", "Lunch plans", true), ("lunc?*", "LUNCH", true), ("lunc?*", " lunch", false),
        ("lunc?*", "lunc", false), ("", "", true), ("", "x", false), ("*", "", true),
        ("*", "anything\nat all", true), ("?", "é", true), ("?", "", false),
        ("a*b*c", "aXbYc", true),
        ("a*b*c", "abcab", false), ("*.org", "matrix.ORG", true), ("m.notice", "m.notice", true),
        ("m.notice", "m_notice", false), ("**a**", "bab", true), ("ÄÖ", "äö", true),
    ])
    func whole(pattern: String, text: String, expected: Bool) {
        #expect(PushPattern(pattern).matches(whole: LoweredText(text)) == expected)
    }

    @Test(arguments: [
        ("ex*ple", "An example event.", true), ("ex*ple", "exple", true),
        ("ex*ple", "An exciting triple-whammy", true), ("ex*ple", "vexing triples", false),
        ("cake", "a piece of CAKE!", true), ("cake", "cakes", false), ("cake", "cake_", false),
        ("cake", "3cake", false), ("cake", "écakeé", true), ("cake", "pancake cake", true),
        ("@room", "hello @room!", true), ("@room", "x@room", true), ("@room", "@rooms", false),
        ("a b", "say a b c", true), ("a b", "aa b", false), ("c?t", "the cat", true),
        ("c?t", "the cats", false), ("é", "caféx", true), ("b*", "a b", true),
    ])
    func words(pattern: String, text: String, expected: Bool) {
        let pattern = PushPattern(pattern)
        #expect(pattern.matches(wordsOf: LoweredText(text)) == expected)
        #expect(pattern.matches(wordsOf: LoweredText(text, isSearchedOften: true)) == expected)
    }

    @Test func literalsHaveNoWildcards() {
        let star = PushPattern(literal: "*x?")
        #expect(star.matches(wordsOf: LoweredText("so: *X? yes")))
        #expect(!star.matches(wordsOf: LoweredText("so: axb yes")))
        #expect(star != PushPattern("*x?"))
        #expect(PushPattern("x") == PushPattern(literal: "x"))
    }

    /// Against a matcher that tries everything.
    @Test func patternsAgreeWithAPlainMatcher() {
        let letters: [Character] = ["a", "b", " ", "*", "?", "-", "é"]
        var generator = SeededGenerator(state: 1)
        for _ in 0..<6_000 {
            func text(_ letters: [Character], _ lengthMax: Int) -> String {
                String(
                    (0..<Int.random(in: 0...lengthMax, using: &generator)).map { _ in
                        letters.randomElement(using: &generator)!
                    })
            }
            let pattern = text(letters, 5)
            let body = text(letters.filter { $0 != "*" && $0 != "?" }, 8)
            let compiled = PushPattern(pattern)
            #expect(
                compiled.matches(whole: LoweredText(body)) == PlainGlob.matches(body, pattern),
                "\(pattern) in \(body)")
            for isSearchedOften in [false, true] {
                let lowered = LoweredText(body, isSearchedOften: isSearchedOften)
                #expect(
                    compiled.matches(wordsOf: lowered) == PlainGlob.isIn(body, pattern),
                    "\(pattern) in \(body)")
            }
        }
    }

    /// The time grows with the product of the lengths divided by 64, not with their powers.
    @Test func hostilePatternsAreHarmless() {
        let text = LoweredText(String(repeating: "a", count: 10_000))
        let stars = PushPattern(String(repeating: "a*", count: 500) + "b")
        #expect(!stars.matches(wordsOf: text))
        let long = PushPattern(String(repeating: "a", count: 900) + "b")
        #expect(!long.matches(wordsOf: text))
        let tooLong = PushPattern(String(repeating: "a", count: 2_000))
        #expect(!tooLong.matches(wordsOf: text))
        let sixtyFour = String(repeating: "a", count: 63)
        for pattern in [
            sixtyFour, sixtyFour + "a", sixtyFour + "aa", sixtyFour + "?", sixtyFour + "??",
        ] {
            let length = pattern.count
            let exact = LoweredText(String(repeating: "a", count: length))
            #expect(PushPattern(pattern).matches(whole: exact))
            let longer = LoweredText(String(repeating: "a", count: length + 1))
            #expect(!PushPattern(pattern).matches(whole: longer))
        }
    }

    @Test(arguments: [
        ("content.body", ["content", "body"]), ("type", ["type"]), ("", [""]),
        ("content.m\\.relates_to.rel_type", ["content", "m.relates_to", "rel_type"]),
        ("a\\\\b.c", ["a\\b", "c"]), ("a\\x", ["a\\x"]), ("a\\", ["a\\"]),
        ("a..b", ["a", "", "b"]),
        ("a\\\\.b", ["a\\", "b"]),
    ])
    func propertyPaths(text: String, names: [String]) {
        #expect(PropertyPath(text).names == names)
    }
}

/// Matches by trying everything.
enum PlainGlob {
    static func matches(_ text: some StringProtocol, _ pattern: some StringProtocol) -> Bool {
        let text = Array(text.lowercased().unicodeScalars)
        let pattern = Array(pattern.lowercased().unicodeScalars)
        return matches(text[...], pattern[...])
    }

    private static func matches(
        _ text: ArraySlice<Unicode.Scalar>, _ pattern: ArraySlice<Unicode.Scalar>
    ) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            return matches(text, pattern.dropFirst())
                || (!text.isEmpty && matches(text.dropFirst(), pattern))
        }
        guard let next = text.first else { return false }
        return (first == "?" || first == next) && matches(text.dropFirst(), pattern.dropFirst())
    }

    /// Whether the pattern matches a part of the text between word boundaries.
    static func isIn(_ text: String, _ pattern: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        func isWord(_ index: Int) -> Bool {
            scalars[index].isASCII
                && (scalars[index].properties.isAlphabetic
                    || scalars[index].properties.numericType != nil || scalars[index] == "_")
        }
        let edges = (0...scalars.count).filter {
            $0 == 0 || $0 == scalars.count || !isWord($0 - 1) || !isWord($0)
        }
        for start in edges {
            for end in edges where end >= start {
                var part = String.UnicodeScalarView()
                part.append(contentsOf: scalars[start..<end])
                if matches(String(part), pattern) { return true }
            }
        }
        return false
    }
}

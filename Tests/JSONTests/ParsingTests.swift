import JSON
import Testing

@Suite struct Parsing {
    @Test(
        arguments: [
            ("null", JSON.null), ("true", true), ("false", false), (" \t\r\n1 ", 1), ("-1", -1),
            ("0", 0), ("-0", 0), ("0.5", 0.5), ("-0.5e-1", -0.05), ("1E2", 100.0), ("1e+2", 100.0),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", 9223372036854775808.0),
            ("-9223372036854775809", -9223372036854775809.0),
            ("123456789012345678901234567890", 123456789012345678901234567890.0),
            (#""""#, ""), (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{C}\n\r\tz"),
            (#""\u0041\u00e9\u65E5\uD83D\uDE00""#, "Aé日😀"), (#""日\n本""#, "日\n本"),
            (#""\u0000""#, "\0"), ("\"\u{7f}\"", "\u{7f}"), ("[]", []), ("[ ]", []), ("{ }", [:]),
            ("[1,[2,{}],\"x\"]", [1, [2, [:]], "x"]),
            (#"{"a":{"b":[]},"c":null}"#, ["a": ["b": []], "c": .null]),
            (#"{"a":1,"b":2,"a":3}"#, ["a": 3, "b": 2]), (#"{"":1}"#, ["": 1]),
        ] as [(String, JSON)])
    func accepts(text: String, value: JSON) throws {
        #expect(try JSON(parsing: text) == value)
    }

    @Test(
        arguments: [
            ("", 0, .unexpectedEnd), (" ", 1, .unexpectedEnd), ("nul", 3, .unexpectedEnd),
            ("nulL", 3, .unexpectedByte), ("True", 0, .unexpectedByte), ("1 2", 2, .trailingBytes),
            ("{}}", 2, .trailingBytes), ("01", 1, .invalidNumber), ("-", 1, .unexpectedEnd),
            ("-a", 1, .invalidNumber), ("+1", 0, .unexpectedByte), (".5", 0, .unexpectedByte),
            ("1.", 2, .unexpectedEnd), ("1.e1", 2, .invalidNumber), ("1e", 2, .unexpectedEnd),
            ("1e+", 3, .unexpectedEnd), ("1ex", 2, .invalidNumber), ("0x1", 1, .trailingBytes),
            ("1e999", 0, .numberOutOfRange), ("NaN", 0, .unexpectedByte),
            ("-Infinity", 1, .invalidNumber), ("[1,]", 3, .unexpectedByte),
            ("[,1]", 1, .unexpectedByte),
            ("[1 2]", 3, .unexpectedByte), ("[", 1, .unexpectedEnd), ("[}", 1, .unexpectedByte),
            (#"{"a"}"#, 4, .unexpectedByte), (#"{"a":}"#, 5, .unexpectedByte),
            (#"{"a":1,}"#, 7, .unexpectedByte), ("{a:1}", 1, .unexpectedByte),
            ("{1:1}", 1, .unexpectedByte), ("'a'", 0, .unexpectedByte), (#"""#, 1, .unexpectedEnd),
            (#""\x""#, 1, .invalidEscape), (#""\u12g4""#, 1, .invalidEscape),
            ("\"\n\"", 1, .controlCharacter), ("\"\0\"", 1, .controlCharacter),
            (#""\ud800""#, 1, .loneSurrogate), (#""\udc00""#, 1, .loneSurrogate),
            (#""\ud800\ud800""#, 1, .loneSurrogate), (#""\ud800\n""#, 1, .loneSurrogate),
            (#""\ud800x""#, 1, .loneSurrogate), ("\u{feff}1", 0, .unexpectedByte),
            ("/**/1", 0, .unexpectedByte),
        ] as [(String, Int, JSON.ParseError.Reason)])
    func refuses(text: String, offset: Int, reason: JSON.ParseError.Reason) {
        #expect(throws: JSON.ParseError(offset: offset, reason: reason)) {
            try JSON(parsing: text)
        }
    }

    @Test(
        arguments: [
            [0x80], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF],
            [0xE6, 0x97], [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func refusesWhatIsNotUTF8(bad: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let expected = JSON.ParseError(offset: 1, reason: .invalidUTF8)
        #expect(throws: expected) { try JSON(parsing: [quote] + bad + [quote]) }
        #expect(throws: expected) {
            try JSON(parsing: [quote] + Array(#"\n"#.utf8) + bad + [quote])
        }
        let member = Array(#"{"a":""#.utf8) + bad + Array(#""}"#.utf8)
        #expect(throws: JSON.ParseError(offset: 6, reason: .invalidUTF8)) {
            try walk(member)
        }
    }

    @Test func everyTruncationIsAnUnexpectedEnd() {
        let text = Array(
            #" {"a":[1.5e+3,-2,"x\u00e9\ud83d\ude00é\"",true,false,null,{}],"é":{"b":[[]]}}"#.utf8)
        #expect(throws: Never.self) { try JSON(parsing: text) }
        for length in text.indices {
            let error = #expect(throws: JSON.ParseError.self) {
                try JSON(parsing: Array(text[..<length]))
            }
            #expect(error == JSON.ParseError(offset: length, reason: .unexpectedEnd))
            let walked = #expect(throws: JSON.ParseError.self) {
                try walk(Array(text[..<length]))
            }
            #expect(walked == error)
        }
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        let limits = JSON.Limits(depthMax: 3)
        #expect(try JSON(parsing: nested(3), limits: limits) == [[[]]])
        #expect(throws: JSON.ParseError(offset: 3, reason: .tooDeep)) {
            try JSON(parsing: nested(4), limits: limits)
        }
        #expect(throws: JSON.ParseError(offset: 128, reason: .tooDeep)) {
            try JSON(parsing: String(repeating: "[", count: 1_000_000))
        }
        let objects = String(repeating: #"{"a":"#, count: 100_000)
        #expect(throws: JSON.ParseError(offset: 128 * 5, reason: .tooDeep)) {
            try JSON(parsing: objects)
        }
        #expect(throws: JSON.ParseError(offset: 128 * 5, reason: .tooDeep)) {
            try walk(Array(objects.utf8))
        }
    }

    @Test func lengthIsBounded() {
        #expect(throws: JSON.ParseError(offset: 4, reason: .tooLong)) {
            try JSON(parsing: "[1,2]", limits: JSON.Limits(bytesMax: 4))
        }
        #expect(throws: Never.self) {
            try JSON(parsing: "[12]", limits: JSON.Limits(bytesMax: 4))
        }
    }

    @Test func walkingShowsTheRangesOfValues() throws {
        let text = Array(#" { "a" : [1, {"x":2}] , "b\n":"c" , "d" : -1.5e3 } "#.utf8)
        var seen: [String] = []
        try JSON.forEachMember(of: text.span.bytes) { key, range in
            seen.append("\(key)=\(String(decoding: text[range], as: UTF8.self))")
        }
        #expect(seen == [#"a=[1, {"x":2}]"#, "b\n=\"c\"", "d=-1.5e3"])
        #expect(throws: JSON.ParseError(offset: 0, reason: .unexpectedByte)) {
            try walk(Array("[]".utf8))
        }
        #expect(throws: JSON.ParseError(offset: 3, reason: .trailingBytes)) {
            try walk(Array("{} x".utf8))
        }
    }

    private func walk(_ text: [UInt8]) throws(JSON.ParseError) {
        try JSON.forEachMember(of: text.span.bytes) { _, _ in }
    }
}

import JSON
import Testing

@Suite struct Writing {
    private func text(_ value: JSON, _ style: JSON.Style) -> String {
        String(decoding: value.bytes(style: style), as: UTF8.self)
    }

    @Test func compact() {
        let value: JSON = [
            "z": [1, -2, true, false, .null], "a": ["é/\"\\": "\u{8}\u{C}\n\r\t\u{0}\u{1f}\u{7f}"],
            "e": [:], "l": [], "d": 0.1,
        ]
        #expect(
            text(value, .compact)
                == #"{"a":{"é/\"\\":"\b\f\n\r\t\u0000\u001f"# + "\u{7f}"
                + #""},"d":0.1,"e":{},"l":[],"z":[1,-2,true,false,null]}"#)
        #expect(value.description == text(value, .compact))
    }

    @Test func ascii() {
        #expect(text("é日😀/", .ascii) == #""\u00e9\u65e5\ud83d\ude00/""#)
        #expect(text(["é": "a/b"], .asciiEscapingSlashes) == #"{"\u00e9":"a\/b"}"#)
    }

    @Test func asciiOfBytesThatAreNotUTF8() {
        var output: [UInt8] = []
        output.appendJSONString(utf8: ([0x61, 0xFF, 0xC3] as [UInt8]).span.bytes, style: .ascii)
        #expect(String(decoding: output, as: UTF8.self) == #""a\ufffd\ufffd""#)
    }

    @Test func pretty() {
        #expect(
            text(["a": [1, [:]], "b": []], .pretty)
                == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}")
    }

    @Test(
        arguments: [
            (0, "0"), (9, "9"), (10, "10"), (-1, "-1"), (.max, "9223372036854775807"),
            (.min, "-9223372036854775808"),
        ] as [(Int64, String)])
    func integers(value: Int64, expected: String) {
        #expect(text(.integer(value), .compact) == expected)
    }

    @Test func doubles() throws {
        for value in [1e300, .leastNonzeroMagnitude, 0.1, 1e16, -2.5] {
            #expect(try JSON(parsing: JSON.double(value).bytes).doubleValue == value)
        }
        #expect(text(.double(.nan), .compact) == "null")
        #expect(text(.double(-.infinity), .canonical) == "null")
    }

    @Test func writerPlacesCommas() {
        var writer = JSONWriter(reserving: 64)
        writer.beginObject()
        writer.member("a", 1)
        writer.key("b")
        writer.beginArray()
        writer.integer(7 as UInt8)
        writer.beginObject()
        writer.endObject()
        writer.raw(Array("[2, 3]".utf8))
        writer.string("x\"")
        writer.bool(true)
        writer.endArray()
        writer.member("c", raw: Array("{}".utf8).span.bytes)
        writer.member("d", string: "é")
        writer.member("e", raw: Array("0".utf8))
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"a":1,"b":[7,{},[2, 3],"x\"",true],"c":{},"d":"é","e":0}"#)
        #expect(throws: Never.self) { try JSON(parsing: writer.bytes) }
    }
}

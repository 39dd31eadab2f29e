import Bytes
import Testing

@Suite("Spans and numbers")
struct RawSpanTests {
    @Test("finds a byte from an offset on")
    func find() {
        func find(_ byte: UInt8, from start: Int) -> Int? {
            Array("a\nb\n".utf8).span.bytes.firstIndex(of: byte, from: start)
        }
        #expect(find(10, from: 0) == 1)
        #expect(find(10, from: 2) == 3)
        #expect(find(10, from: 4) == nil)
        #expect(find(7, from: 0) == nil)
    }

    @Test("compares with and without case")
    func compare() {
        func equal(_ bytes: String, _ text: StaticString, ignoringCase: Bool = false) -> Bool {
            let bytes = Array(bytes.utf8)
            return ignoringCase
                ? bytes.span.bytes.equalsIgnoringCase(text) : bytes.span.bytes.equals(text)
        }
        func starts(_ bytes: String, with text: StaticString) -> Bool {
            Array(bytes.utf8).span.bytes.starts(with: text)
        }
        #expect(equal("Content-Length", "content-LENGTH", ignoringCase: true))
        #expect(!equal("Content-Length", "content-length"))
        #expect(!equal("a@b", "A`B", ignoringCase: true))
        #expect(starts("Content-Length", with: "Content"))
        #expect(!starts("", with: "C"))
    }

    @Test(
        "reads decimal numbers and nothing else",
        arguments: [
            ("0", 0), ("42", 42), ("9223372036854775807", Int64.max),
            ("-9223372036854775808", .min), ("-1", -1),
            ("", nil), ("-", nil), ("+1", nil), ("1 ", nil), ("9223372036854775808", nil),
            ("-9223372036854775809", nil),
            ("99999999999999999999", nil), ("0x1", nil), ("--1", nil),
        ] as [(String, Int64?)])
    func numbers(text: String, expected: Int64?) {
        let value = Int64(ascii: Array(text.utf8).span.bytes)
        #expect(value == expected)
    }

    @Test("writes decimal numbers", arguments: [0, 1, -1, 10, 99, 12345, Int64.max, Int64.min])
    func decimals(value: Int64) {
        var bytes: [UInt8] = []
        bytes.appendDecimal(value)
        #expect(String(decoding: bytes, as: UTF8.self) == String(value))
    }

    @Test("shared bytes hold a copy")
    func shared() {
        var bytes: [UInt8] = [1, 2, 3]
        let shared = SharedBytes(bytes)
        bytes[0] = 9
        let copy = shared.bytes.array
        #expect(copy == [1, 2, 3])
        #expect(SharedBytes([]).count == 0)
    }
}

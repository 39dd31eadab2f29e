import Bytes
import HTTPWire
import Testing

@Suite struct EncodingTests {
    private func text(_ body: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        body(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        (Int64(0), "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
        (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_740_787_200, "Sat, 01 Mar 2025 00:00:00 GMT"),
        (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ])
    func writesDates(_ seconds: Int64, _ expected: String) {
        #expect(text { HTTPDate.append(secondsSince1970: seconds, to: &$0) } == expected)
    }

    @Test func dateLineFollowsTheSecond() {
        var line = DateLine()
        line.refresh(secondsSince1970: 0)
        #expect(
            String(decoding: line.bytes, as: UTF8.self)
                == "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
        line.refresh(secondsSince1970: 61)
        #expect(
            String(decoding: line.bytes, as: UTF8.self)
                == "Date: Thu, 01 Jan 1970 00:01:01 GMT\r\n")
    }

    @Test func writesStatusLines() {
        #expect(text { ResponseEncoder.appendStatusLine(.ok, to: &$0) } == "HTTP/1.1 200 OK\r\n")
        #expect(
            text { ResponseEncoder.appendStatusLine(.notFound, to: &$0) }
                == "HTTP/1.1 404 Not Found\r\n")
        #expect(text { ResponseEncoder.appendStatusLine(599, to: &$0) } == "HTTP/1.1 599 \r\n")
    }

    @Test(arguments: [
        (1, "1"), (9, "9"), (10, "a"), (15, "f"), (16, "10"), (255, "ff"), (256, "100"),
        (4096, "1000"), (Int.max, "7fffffffffffffff"),
    ])
    func writesChunkSizes(_ count: Int, _ expected: String) {
        #expect(text { ResponseEncoder.appendChunkHeader(count, to: &$0) } == expected + "\r\n")
    }

    @Test func leavesFramingToTheServer() {
        let headers: HTTPHeaders = [
            "Content-Length": "5", "A": "b", "transfer-encoding": "x", "Connection": "y",
            "Date": "z",
        ]
        #expect(text { ResponseEncoder.appendFields(headers, to: &$0) } == "A: b\r\n")
    }

    @Test(arguments: [
        ("a", "a"), ("%41%6a", "Aj"), ("a%2Fb", "a/b"), ("%E2%82%AC", "€"), ("", ""),
        ("a+b", "a+b"), ("%", nil), ("%4", nil), ("%4g", nil), ("a%", nil), ("%ff", nil),
        ("%E2%82", nil), ("%%41", nil), ("% 1", nil), ("%+1", nil),
    ])
    func decodesPercents(_ encoded: String, _ expected: String?) {
        let bytes = Array(encoded.utf8)
        #expect(PercentEncoding.decodeText(bytes.span.bytes) == expected)
        #expect(PercentEncoding.isDecodable(bytes.span.bytes) == (expected != nil))
    }

    @Test func encodesPercents() {
        #expect(text { PercentEncoding.append("!a:b/€~", to: &$0) } == "%21a%3Ab%2F%E2%82%AC~")
    }

    @Test func readsQueries() {
        let query = HTTPQuery(Array("a=1&b&c=x+y%26&a=2&&=v&%64=4&e=%zz&f=g=h".utf8))
        #expect(query.first(named: "a") == "1")
        #expect(query.all(named: "a") == ["1", "2"])
        #expect(query.first(named: "b") == "")
        #expect(query.first(named: "c") == "x y&")
        #expect(query.first(named: "d") == "4")
        #expect(query.first(named: "e") == nil)
        #expect(query.first(named: "f") == "g=h")
        #expect(query.first(named: "") == "v")
        #expect(query.first(named: "g") == nil)
        #expect(query.pairs.map(\.name) == ["a", "b", "c", "a", "", "d", "f"])
        #expect(HTTPQuery([]).pairs.isEmpty)
    }

    @Test func parametersAreFoundByNamesWithSpacesAndPluses() {
        let query = HTTPQuery(Array("a+b=1&c%2Bd=2&e%20f=3&+=4".utf8))
        #expect(query.first(named: "a b") == "1")
        #expect(query.first(named: "c+d") == "2")
        #expect(query.first(named: "e f") == "3")
        #expect(query.first(named: " ") == "4")
        #expect(query.first(named: "a+b") == nil)
    }
}

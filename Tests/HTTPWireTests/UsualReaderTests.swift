import Bytes
import HTTPWire
import Testing

/// What the reader of usual requests takes up. That it agrees with the parser on everything is what
/// the tables and the random inputs of the other suites show.
@Suite struct UsualReaderTests {
    private func found(
        _ text: String, _ limits: ParserLimits = ParserLimits()
    ) -> (count: Int, summary: String)? {
        var reader = UsualReader(limits: limits)
        let bytes = Array(text.utf8)
        guard reader.read(bytes.span.bytes, from: 0) else { return nil }
        var head = RequestHead()
        reader.copy(of: bytes.span.bytes, into: &head)
        return (reader.found.count, head.summary)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /sync?since=s1_2&timeout=30000&x=?y HTTP/1.1\r\nHost: example.org:8008\r\n"
            + "Authorization: Bearer syt_abc_def\r\nAccept: */*\r\nUser-Agent: x/1.0 (y; z)\r\n"
            + "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\r\n",
        "GET /a HTTP/1.1\r\nhOsT:[::1]:80  \r\nconnection: Close\r\nx1_y: \u{e9}\r\n\r\n",
    ])
    func aWholeGetIsTakenUp(_ text: String) throws {
        let found = try #require(self.found(text))
        #expect(found.count == text.utf8.count)
        #expect(trace(text).first == .head(found.summary))
        // Likewise when other bytes follow, of which nothing is taken.
        let more = try #require(self.found(text + "GET"))
        #expect(more.count == found.count && more.summary == found.summary)
        for cut in 0..<text.utf8.count {
            #expect(self.found(String(decoding: text.utf8.prefix(cut), as: UTF8.self)) == nil)
        }
    }

    @Test(arguments: [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n", "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7f}\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n", "GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    func whatIsUnusualIsLeftToTheParser(_ text: String) {
        #expect(found(text) == nil)
    }

    @Test func whatMayExceedALimitIsLeftToTheParser() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n"
        var limits = ParserLimits()
        limits.headerCountMax = 1
        #expect(found(text, limits) == nil)
        limits.headerCountMax = 2
        limits.headerBytesMax = text.utf8.count
        #expect(found(text, limits) != nil)
        limits.headerBytesMax -= 1
        #expect(found(text, limits) == nil)
    }

    @Test func aHostIsJudgedAgainWhenItChanges() {
        var reader = UsualReader(limits: ParserLimits())
        for (host, isValid) in [("a", true), ("a", true), ("b c", false), ("b", true), ("", true)] {
            let bytes = Array("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8)
            #expect(reader.read(bytes.span.bytes, from: 0) == isValid)
        }
    }
}

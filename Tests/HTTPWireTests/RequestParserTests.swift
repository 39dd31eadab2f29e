import Bytes
import HTTPWire
import Testing

@Suite struct RequestParserTests {
    static let wellFormed: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a/b%2Fc?d=e&f HTTP/1.1\r\nHost: a:80\r\nAccept:*/*\r\nX: \t b c \t\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: [::1]:8\r\nContent-Length: 5\r\n\r\nhello"
            + "GET / HTTP/1.1\r\nHost: b\r\n\r\n",
        "PUT /x HTTP/1.1\r\nhOsT: a\r\ntransfer-encoding: CHUNKED\r\n\r\n"
            + "5\r\nhello\r\n00a;a=\"b c\"\r\n0123456789\r\n0\r\nA: b\r\nC:\r\n\r\n"
            + "GET /y HTTP/1.1\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nhi",
        "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
        "GET http://example.org/a?b HTTP/1.1\r\nHost: other\r\n\r\n",
        "GET HTTPS://[::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://h?q HTTP/1.1\r\nHost: a\r\n\r\n",
        "BREW /pot HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n",
        "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
            + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    @Test(arguments: wellFormed)
    func givesTheSameForEverySplit(_ text: String) {
        #expect(!trace(text).contains { if case .failed = $0 { true } else { false } })
        #expect(trace(text).last == .end)
        expectSameForEverySplit(Array(text.utf8), text)
    }

    @Test(arguments: wellFormed)
    func givesTheSameForEveryPairOfSplits(_ text: String) {
        let bytes = Array(text.utf8)
        let whole = trace([bytes])
        for first in stride(from: 0, to: bytes.count, by: 3) {
            for second in stride(from: first, to: bytes.count, by: 5) {
                let steps = trace([
                    Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...]),
                ])
                #expect(steps == whole, "cut at \(first) and \(second)")
            }
        }
    }

    @Test func readsARequest() {
        #expect(
            trace("GET /a/b%2Fc?d=e&f HTTP/1.1\r\nHost: a:80\r\nAccept:*/*\r\nX: \t b c \t\r\n\r\n")
                == [
                    .head(
                        "GET /a/b%2Fc?d=e&f [/a/b%2Fc] [d=e&f] HTTP/1.1 none stays "
                            + "{Host=a:80&Accept=*/*&X=b c}"), .body(""), .end,
                ])
    }

    @Test func readsPipelinedRequestsWithBodies() {
        let text = """
            POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
            POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
            3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nTrailer: x\r\n\r\n\
            GET /3 HTTP/1.1\r\nHost: a\r\n\r\n
            """
        #expect(
            trace(text) == [
                .head("POST /1 [/1] [] HTTP/1.1 length(3) stays {Host=a&Content-Length=3}"),
                .body("abc"), .end,
                .head("POST /2 [/2] [] HTTP/1.1 chunked stays {Host=a&Transfer-Encoding=chunked}"),
                .body("abcde"), .end,
                .head("GET /3 [/3] [] HTTP/1.1 none stays {Host=a}"), .body(""), .end,
            ])
    }

    @Test func takesAbsoluteTargetsApart() {
        #expect(summary("GET http://h/a?b HTTP/1.1").hasPrefix("GET http://h/a?b [/a] [b]"))
        #expect(summary("GET http://h?b HTTP/1.1").hasPrefix("GET http://h?b [/] [b]"))
        #expect(summary("GET https://h:1 HTTP/1.1").hasPrefix("GET https://h:1 [/] []"))
        #expect(summary("GET //h/a HTTP/1.1").hasPrefix("GET //h/a [//h/a] []"))
        #expect(summary("GET /?? HTTP/1.1").hasPrefix("GET /?? [/] [?]"))
        #expect(summary("OPTIONS * HTTP/1.1").hasPrefix("OPTIONS * [*] []"))
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close", false),
        ("HTTP/1.1", "Connection: Close", false), ("HTTP/1.1", "Connection: keep-alive", true),
        ("HTTP/1.1", "Connection: a, close , b", false), ("HTTP/1.1", "Connection: closed", true),
        ("HTTP/1.1", "Connection: a\r\nConnection: close", false),
        ("HTTP/1.1", "Connection: keep-alive, close", false), ("HTTP/1.1", "Connection:", true),
        ("HTTP/1.1", "Connection: ,,close", false),
        ("HTTP/1.0", "", false), ("HTTP/1.0", "Connection: keep-alive", true),
        ("HTTP/1.0", "Connection: Keep-Alive", true), ("HTTP/1.0", "Connection: close", false),
        ("HTTP/1.0", "Connection: keep-alive, close", false),
    ])
    func knowsWhetherTheConnectionStays(_ version: String, _ field: String, _ stays: Bool) {
        let line = field.isEmpty ? "" : field + "\r\n"
        let steps = trace("GET / \(version)\r\nHost: a\r\n\(line)\r\n")
        guard case .head(let summary) = steps.first else {
            Issue.record("refused: \(steps)")
            return
        }
        #expect(summary.contains(stays ? " stays " : " closes "))
    }

    @Test func ignoresExpectationsThatCannotBeMeant() {
        #expect(!summary("GET / HTTP/1.1", "Expect: 100-continue").contains("expects"))
        #expect(
            !summary("POST / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1")
                .contains("expects"))
        #expect(
            summary("POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 1")
                .contains("expects"))
    }

    @Test func limitsAreExact() {
        var limits = ParserLimits()
        limits.requestLineBytesMax = 20
        limits.headerBytesMax = 30
        limits.headerCountMax = 3
        let line = { (count: Int) in
            "GET /" + String(repeating: "a", count: count - 14) + " HTTP/1.1\r\nHost: a\r\n\r\n"
        }
        #expect(trace(line(20), limits: limits).last == .end)
        #expect(trace(line(21), limits: limits).last == .failed(414))
        let fields = { (count: Int) in
            "GET / HTTP/1.0\r\nA: " + String(repeating: "b", count: count - 3) + "\r\n\r\n"
        }
        #expect(trace(fields(28), limits: limits).last == .end)
        #expect(trace(fields(30), limits: limits).last == .failed(431))
        #expect(trace("GET / HTTP/1.0\r\nA:\r\nB:\r\nC:\r\n\r\n", limits: limits).last == .end)
        #expect(
            trace("GET / HTTP/1.0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n", limits: limits).last
                == .failed(431))
        for text in [line(20), line(21), line(40), fields(28), fields(29), fields(30), fields(60)] {
            expectSameForEverySplit(Array(text.utf8), limits: limits, text)
        }
    }

    @Test func bodyLimitsAreExact() {
        let fixed = { (count: Int) in
            "POST / HTTP/1.0\r\nContent-Length: \(count)\r\n\r\n"
                + String(repeating: "a", count: count)
        }
        #expect(trace(fixed(10), bodyBytesMax: 10).last == .end)
        #expect(trace(fixed(11), bodyBytesMax: 10).last == .failed(413))
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(trace(chunked + "a\r\n0123456789\r\n0\r\n\r\n", bodyBytesMax: 10).last == .end)
        for body in ["b\r\n0123456789a\r\n0\r\n\r\n", "5\r\n01234\r\n6\r\n012345\r\n0\r\n\r\n"] {
            #expect(trace(chunked + body, bodyBytesMax: 10).last == .failed(413))
            let cut = trace([Array(chunked.utf8)] + body.utf8.map { [$0] }, bodyBytesMax: 10)
            #expect(cut.last == .failed(413))
        }
    }

    @Test func headIsReusable() throws {
        var parser = RequestParser()
        var head = RequestHead()
        var offset = 0
        let input = Array("POST /a?b HTTP/1.0\r\nA: b\r\nContent-Length: 0\r\n\r\n".utf8)
        #expect(try parser.next(input.span.bytes, at: &offset, into: &head) == .head)
        #expect(try parser.next(input.span.bytes, at: &offset, into: &head) == .end)
        let kept = head
        head.reset()
        #expect(parser.isBetweenRequests(head))
        #expect(head.summary == RequestHead().summary)
        #expect(kept.headers["a"] == "b")
    }

    private func summary(_ line: String, _ fields: String = "") -> String {
        let lines = fields.isEmpty ? "" : fields + "\r\n"
        guard case .head(let summary) = trace("\(line)\r\nHost: a\r\n\(lines)\r\n").first else {
            return "refused"
        }
        return summary
    }
}

import Testing

/// A request that must be refused, and how.
struct MalformedRequest: CustomTestStringConvertible, Sendable {
    let name: String
    let text: [UInt8]
    let status: Int

    var testDescription: String { name }

    init(_ status: Int, _ name: String, _ text: String) {
        self.init(status, name, bytes: Array(text.utf8))
    }

    init(_ status: Int, _ name: String, bytes: [UInt8]) {
        self.name = name
        self.text = bytes
        self.status = status
    }

    /// A request with the given field lines beside Host.
    static func fields(_ status: Int, _ name: String, _ lines: String, body: String = "") -> Self {
        Self(status, name, "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n\(body)")
    }

    /// A request with the given request line.
    static func line(_ status: Int, _ name: String, _ line: String) -> Self {
        Self(status, name, "\(line)\r\nHost: a\r\n\r\n")
    }

    /// A chunked request with the given body.
    static func chunks(_ status: Int, _ name: String, _ body: String) -> Self {
        fields(status, name, "Transfer-Encoding: chunked", body: body)
    }

    static let all =
        requestLines + targets + lineEnds + fieldLines + hosts + lengths + codings
        + chunked + others
}

extension MalformedRequest {
    static let requestLines: [MalformedRequest] = [
        line(400, "no version", "GET /"),
        line(400, "HTTP/0.9 with a space", "GET / "),
        line(400, "only a method", "GET"),
        line(400, "leading space", " GET / HTTP/1.1"),
        line(400, "leading tab", "\tGET / HTTP/1.1"),
        line(400, "two spaces before target", "GET  / HTTP/1.1"),
        line(400, "two spaces before version", "GET /  HTTP/1.1"),
        line(400, "trailing space", "GET / HTTP/1.1 "),
        line(400, "trailing tab", "GET / HTTP/1.1\t"),
        line(400, "tabs for spaces", "GET\t/\tHTTP/1.1"),
        line(400, "tab before target", "GET\t/ HTTP/1.1"),
        line(400, "four parts", "GET / x HTTP/1.1"),
        line(400, "method with a colon", "GE:T / HTTP/1.1"),
        line(400, "method with a slash", "GE/T / HTTP/1.1"),
        line(400, "method in brackets", "[GET] / HTTP/1.1"),
        line(400, "method with a quote", "\"GET\" / HTTP/1.1"),
        line(400, "method with a high byte", "GÉT / HTTP/1.1"),
        line(501, "method longer than any", String(repeating: "M", count: 33) + " / HTTP/1.1"),
        line(400, "lower-case protocol", "GET / http/1.1"),
        line(400, "no protocol name", "GET / 1.1"),
        line(400, "no minor version", "GET / HTTP/1"),
        line(400, "no minor digit", "GET / HTTP/1."),
        line(400, "comma in the version", "GET / HTTP/1,1"),
        line(400, "two major digits", "GET / HTTP/11.1"),
        line(400, "two minor digits", "GET / HTTP/1.10"),
        line(400, "three part version", "GET / HTTP/1.1.1"),
        line(400, "letters in the version", "GET / HTTP/a.b"),
        line(400, "another protocol", "GET / HTTPS/1.1"),
        line(400, "a version without a slash", "GET / HTTP1.1"),
        line(400, "negative version", "GET / HTTP/-1.1"),
        line(505, "HTTP/2.0", "GET / HTTP/2.0"),
        line(505, "HTTP/3.0", "GET / HTTP/3.0"),
        line(505, "HTTP/1.2", "GET / HTTP/1.2"),
        line(505, "HTTP/1.9", "GET / HTTP/1.9"),
        line(505, "HTTP/0.9 spelled out", "GET / HTTP/0.9"),
        line(505, "HTTP/0.0", "GET / HTTP/0.0"),
        MalformedRequest(505, "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        MalformedRequest(400, "TLS handshake", bytes: [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        MalformedRequest(400, "NUL first", bytes: [0, 0, 0, 0]),
        MalformedRequest(400, "binary", bytes: [0xff, 0xfe, 0x0d, 0x0a]),
        MalformedRequest(400, "JSON", "{\"method\":\"GET\"}\r\n"),
        MalformedRequest(400, "two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        MalformedRequest(400, "SSH banner", "SSH-2.0-OpenSSH_9.2\r\n"),
        MalformedRequest(400, "SMTP", "EHLO example.org\r\n"),
    ]

    static let targets: [MalformedRequest] = [
        line(400, "target without a slash", "GET index HTTP/1.1"),
        line(400, "target is a query", "GET ?a=b HTTP/1.1"),
        line(400, "fragment", "GET /a#b HTTP/1.1"),
        line(400, "only a fragment", "GET # HTTP/1.1"),
        line(400, "asterisk for GET", "GET * HTTP/1.1"),
        line(400, "asterisk and more", "OPTIONS ** HTTP/1.1"),
        line(400, "asterisk with a path", "OPTIONS */a HTTP/1.1"),
        line(400, "control character in target", "GET /\u{1} HTTP/1.1"),
        line(400, "NUL in target", "GET /\0 HTTP/1.1"),
        line(400, "DEL in target", "GET /\u{7f} HTTP/1.1"),
        line(400, "tab in target", "GET /a\tb HTTP/1.1"),
        line(400, "raw UTF-8 in target", "GET /é HTTP/1.1"),
        line(400, "raw UTF-8 far into a target", "GET /0123456789abcdef0123é HTTP/1.1"),
        line(400, "control far into a target", "GET /0123456789abcdef\u{2} HTTP/1.1"),
        line(400, "absolute without authority", "GET http:///a HTTP/1.1"),
        line(400, "absolute with nothing", "GET http:// HTTP/1.1"),
        line(400, "absolute with user", "GET http://u@h/ HTTP/1.1"),
        line(400, "absolute with user and password", "GET http://u:p@h/ HTTP/1.1"),
        line(400, "absolute with a bad port", "GET http://h:x/ HTTP/1.1"),
        line(400, "absolute with a long port", "GET http://h:123456/ HTTP/1.1"),
        line(400, "another scheme", "GET ftp://h/ HTTP/1.1"),
        line(400, "file scheme", "GET file:///etc/passwd HTTP/1.1"),
        line(400, "scheme with one slash", "GET http:/h/ HTTP/1.1"),
        line(400, "scheme without slashes", "GET http:h HTTP/1.1"),
        line(400, "authority for GET", "GET example.org:80 HTTP/1.1"),
        line(400, "backslash first", "GET \\a HTTP/1.1"),
        line(400, "dot first", "GET ./a HTTP/1.1"),
        line(501, "CONNECT", "CONNECT example.org:443 HTTP/1.1"),
        line(400, "CONNECT with a path", "CONNECT /a HTTP/1.1"),
        line(400, "CONNECT to an address", "CONNECT http://h/ HTTP/1.1"),
    ]

    static let lineEnds: [MalformedRequest] = [
        MalformedRequest(400, "bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n"),
        MalformedRequest(400, "bare LF ends request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        MalformedRequest(400, "bare LF ends field", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        MalformedRequest(400, "bare LF ends head", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        MalformedRequest(400, "bare LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        MalformedRequest(400, "bare LF between fields", "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n"),
        MalformedRequest(400, "bare CR in request line", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n"),
        MalformedRequest(400, "bare CR before version", "GET / \rHTTP/1.1\r\nHost: a\r\n\r\n"),
        MalformedRequest(400, "CR CR LF after request line", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
        MalformedRequest(400, "CR CR LF after field", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
        MalformedRequest(400, "CR CR LF ends head", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n"),
        MalformedRequest(400, "bare CR in a name", "GET / HTTP/1.1\r\nHost: a\r\nA\rB: c\r\n\r\n"),
        MalformedRequest(400, "bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n"),
        MalformedRequest(400, "LF CR", "GET / HTTP/1.1\n\rHost: a\n\r\n\r"),
        MalformedRequest(400, "CR then request", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ]

    static let fieldLines: [MalformedRequest] = [
        fields(400, "obs-fold with a space", "A: b\r\n c"),
        fields(400, "obs-fold with a tab", "A: b\r\n\tc"),
        fields(400, "obs-fold of nothing", "A: b\r\n "),
        fields(400, "obs-fold of Content-Length", "Content-Length:\r\n 5"),
        MalformedRequest(400, "first field folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        MalformedRequest(400, "first field after a tab", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"),
        fields(400, "space before the colon", "A : b"),
        fields(400, "tab before the colon", "A\t: b"),
        fields(400, "space before Content-Length's colon", "Content-Length : 5"),
        fields(400, "space before Transfer-Encoding's colon", "Transfer-Encoding : chunked"),
        fields(400, "empty name", ": b"),
        fields(400, "no colon", "A b"),
        fields(400, "only a name", "A"),
        fields(400, "space in a name", "A B: c"),
        fields(400, "NUL in a name", "A\0: b"),
        fields(400, "control in a name", "A\u{1}: b"),
        fields(400, "vertical tab after a name", "Content-Length\u{b}: 5"),
        fields(400, "UTF-8 in a name", "Ä: b"),
        fields(400, "brackets in a name", "[A]: b"),
        fields(400, "slash in a name", "A/B: c"),
        fields(400, "quotes in a name", "\"A\": b"),
        fields(400, "at sign in a name", "A@B: c"),
        fields(400, "comma in a name", "A,B: c"),
        fields(400, "semicolon in a name", "A;B: c"),
        fields(400, "equals sign in a name", "A=B: c"),
        fields(400, "braces in a name", "{A}: b"),
        fields(400, "NUL in a value", "A: b\0c"),
        fields(400, "NUL ends a value", "A: b\0"),
        fields(400, "control in a value", "A: b\u{1}c"),
        fields(400, "escape in a value", "A: \u{1b}[31m"),
        fields(400, "backspace in a value", "A: \u{8}"),
        fields(400, "DEL in a value", "A: b\u{7f}"),
        fields(400, "form feed in a value", "A: \u{c}b"),
        fields(400, "vertical tab in a value", "A: \u{b}b"),
        fields(400, "control far into a value", "A: 0123456789abcdef\u{3}"),
        fields(400, "NUL in lane 15", "A: 0123456789abcde\0f"),
    ]

    static let hosts: [MalformedRequest] = [
        MalformedRequest(400, "no Host", "GET / HTTP/1.1\r\n\r\n"),
        MalformedRequest(400, "no Host among fields", "GET / HTTP/1.1\r\nA: b\r\n\r\n"),
        MalformedRequest(400, "absolute and no Host", "GET http://h/ HTTP/1.1\r\n\r\n"),
        fields(400, "two different Hosts", "Host: b"),
        fields(400, "the same Host twice", "Host: a"),
        fields(400, "two Hosts, one in capitals", "HOST: a"),
        MalformedRequest(400, "two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
        host("with a path", "a/b"),
        host("with a user", "u@a"),
        host("list", "a, b"),
        host("list without spaces", "a,b"),
        host("with a space", "a b"),
        host("with a query", "a?b"),
        host("with a fragment", "a#b"),
        host("with a scheme", "http://a"),
        host("with a backslash", "a\\b"),
        host("with a bad port", "a:b"),
        host("with two ports", "a:1:2"),
        host("with a long port", "a:123456"),
        host("only a port", ":80"),
        host("open bracket", "[::1"),
        host("empty brackets", "[]"),
        host("garbage in brackets", "[g]"),
        host("garbage behind brackets", "[::1]a"),
        host("with UTF-8", "ä"),
        host("in angle brackets", "<a>"),
        host("with a quote", "a\"b"),
    ]

    private static func host(_ name: String, _ value: String) -> Self {
        MalformedRequest(400, "Host \(name)", "GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n")
    }

    static let lengths: [MalformedRequest] = [
        fields(400, "Content-Length empty", "Content-Length: "),
        fields(400, "Content-Length negative", "Content-Length: -1"),
        fields(400, "Content-Length with a plus", "Content-Length: +5"),
        fields(400, "Content-Length in words", "Content-Length: five"),
        fields(400, "Content-Length hexadecimal", "Content-Length: 0x5"),
        fields(400, "Content-Length hexadecimal digits", "Content-Length: 1f"),
        fields(400, "Content-Length fractional", "Content-Length: 5.0"),
        fields(400, "Content-Length with an exponent", "Content-Length: 1e1"),
        fields(400, "Content-Length with a comment", "Content-Length: 5 (five)"),
        fields(400, "Content-Length with a unit", "Content-Length: 5b"),
        fields(400, "Content-Length list", "Content-Length: 5, 5", body: "12345"),
        fields(400, "Content-Length list that differs", "Content-Length: 5, 6"),
        fields(400, "Content-Length with a space inside", "Content-Length: 1 0"),
        fields(400, "Content-Length in quotes", "Content-Length: \"5\""),
        fields(400, "Content-Length with an underscore", "Content-Length: 1_0"),
        fields(400, "Content-Length in other digits", "Content-Length: ٥"),
        fields(400, "Content-Length with a semicolon", "Content-Length: 5;a"),
        fields(413, "Content-Length beyond 64 bits", "Content-Length: 18446744073709551616"),
        fields(413, "Content-Length that wraps to 5", "Content-Length: 18446744073709551621"),
        fields(413, "Content-Length beyond 63 bits", "Content-Length: 9223372036854775808"),
        fields(
            413, "Content-Length of 40 digits",
            "Content-Length: " + String(repeating: "9", count: 40)),
        fields(400, "the same Content-Length twice", "Content-Length: 5\r\nContent-Length: 5"),
        fields(400, "two Content-Lengths", "Content-Length: 5\r\nContent-Length: 6"),
        fields(400, "zero and another Content-Length", "Content-Length: 0\r\nContent-Length: 6"),
        fields(400, "two Content-Lengths, other case", "content-length: 5\r\nCONTENT-LENGTH: 6"),
        fields(400, "good and bad Content-Length", "Content-Length: 5\r\nContent-Length: x"),
        fields(413, "body over the limit", "Content-Length: 1048577"),
    ]

    static let codings: [MalformedRequest] = [
        fields(400, "CL and TE", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        fields(400, "TE and CL", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        fields(400, "TE and a zero CL", "Transfer-Encoding: chunked\r\nContent-Length: 0"),
        fields(400, "TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        fields(
            400, "TE chunked, then identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        fields(
            501, "TE identity, then chunked",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
        fields(400, "chunked twice in one", "Transfer-Encoding: chunked, chunked"),
        fields(400, "chunked is not last", "Transfer-Encoding: chunked, gzip"),
        fields(400, "chunked, then identity", "Transfer-Encoding: chunked, identity"),
        fields(501, "gzip, then chunked", "Transfer-Encoding: gzip, chunked"),
        fields(501, "gzip", "Transfer-Encoding: gzip"),
        fields(501, "identity", "Transfer-Encoding: identity"),
        fields(501, "deflate", "Transfer-Encoding: deflate"),
        fields(501, "unknown coding", "Transfer-Encoding: xchunked"),
        fields(501, "chunked misspelled", "Transfer-Encoding: chunke"),
        fields(501, "a letter more", "Transfer-Encoding: chunkedd"),
        fields(501, "none of them", "Transfer-Encoding: cow"),
        fields(400, "empty TE", "Transfer-Encoding: "),
        fields(400, "TE of commas", "Transfer-Encoding: ,"),
        fields(400, "TE with an empty element", "Transfer-Encoding: chunked,"),
        fields(400, "TE with a leading comma", "Transfer-Encoding: , chunked"),
        fields(400, "TE with a parameter", "Transfer-Encoding: chunked;q=1"),
        fields(400, "TE in quotes", "Transfer-Encoding: \"chunked\""),
        fields(400, "TE with a vertical tab", "Transfer-Encoding: \u{b}chunked"),
        fields(400, "TE with a NUL", "Transfer-Encoding: chunked\0"),
        fields(400, "TE with a space inside", "Transfer-Encoding: chun ked"),
        fields(400, "TE with a bare CR", "Transfer-Encoding:\rchunked"),
        fields(400, "TE with a bare LF", "Transfer-Encoding:\n chunked"),
        fields(400, "TE on a folded line", "Transfer-Encoding:\r\n chunked"),
        MalformedRequest(
            400, "TE in 1.0",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        MalformedRequest(
            400, "gzip in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    ]

    static let chunked: [MalformedRequest] = [
        chunks(400, "no size", "\r\n"),
        chunks(400, "size in words", "five\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "size with 0x", "0x5\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "negative size", "-5\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "size with a plus", "+5\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "space before the size", " 5\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "space behind the size", "5 \r\n12345\r\n0\r\n\r\n"),
        chunks(400, "tab behind the size", "5\t\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "two sizes", "5 5\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "underscore in the size", "1_0\r\n"),
        chunks(400, "size with a letter behind", "5g\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "size of 17 digits", "00000000000000005\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "size beyond 63 bits", "ffffffffffffffff\r\n"),
        chunks(400, "size that wraps to 5", "10000000000000005\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "bare LF behind the size", "5\n12345\r\n0\r\n\r\n"),
        chunks(400, "bare CR behind the size", "5\r12345\r\n0\r\n\r\n"),
        chunks(400, "CR CR LF behind the size", "5\r\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "NUL behind the size", "5\0\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "data longer than said", "5\r\n123456\r\n0\r\n\r\n"),
        chunks(400, "data shorter than said", "5\r\n1234\r\n0\r\n\r\n"),
        chunks(400, "bare LF behind the data", "5\r\n12345\n0\r\n\r\n"),
        chunks(400, "bare CR behind the data", "5\r\n12345\r0\r\n\r\n"),
        chunks(400, "nothing behind the data", "5\r\n123450\r\n\r\n"),
        chunks(400, "bare LF in an extension", "5;a\n12345\r\n0\r\n\r\n"),
        chunks(400, "bare CR in an extension", "5;a\rb\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "NUL in an extension", "5;a\0\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "extension without a semicolon", "5 a=b\r\n12345\r\n0\r\n\r\n"),
        chunks(400, "endless extension", "5;" + String(repeating: "a", count: 1100)),
        chunks(400, "endless spaces", "5" + String(repeating: " ", count: 1100)),
        chunks(
            400, "many extensions", String(repeating: "1;aaaaaaaa\r\nx\r\n", count: 120)),
        chunks(400, "bare LF ends the body", "0\r\n\n"),
        chunks(400, "bare LF behind the last size", "0\n\r\n"),
        chunks(400, "bare CR ends the body", "0\r\n\rx"),
        chunks(400, "trailer without a colon", "0\r\nA\r\n\r\n"),
        chunks(400, "trailer without a name", "0\r\n: b\r\n\r\n"),
        chunks(400, "trailer folded", "0\r\nA: b\r\n c\r\n\r\n"),
        chunks(400, "trailer with a space before the colon", "0\r\nA : b\r\n\r\n"),
        chunks(400, "trailer with a NUL", "0\r\nA: \0\r\n\r\n"),
        chunks(400, "trailer with a bare LF", "0\r\nA: b\n\r\n"),
        chunks(400, "trailer with a bare CR", "0\r\nA: b\rc\r\n\r\n"),
        chunks(431, "endless trailer", "0\r\nA: " + String(repeating: "a", count: 9000)),
        chunks(431, "endless trailers", "0\r\n" + String(repeating: "A: b\r\n", count: 2000)),
        chunks(413, "chunk over the limit", "100001\r\n" + String(repeating: "a", count: 0x100001)),
    ]

    static let others: [MalformedRequest] = [
        fields(417, "another expectation", "Expect: 200-ok\r\nContent-Length: 5"),
        fields(417, "no expectation", "Expect: \r\nContent-Length: 5"),
        fields(417, "two expectations", "Expect: 100-continue, x\r\nContent-Length: 5"),
        fields(400, "Connection is no list of tokens", "Connection: a b"),
        fields(400, "Connection in quotes", "Connection: \"close\""),
        line(414, "long target", "GET /" + String(repeating: "a", count: 17000) + " HTTP/1.1"),
        line(414, "long method", String(repeating: "A", count: 17000) + " / HTTP/1.1"),
        MalformedRequest(414, "endless request line", String(repeating: "A", count: 17000)),
        fields(431, "long value", "A: " + String(repeating: "a", count: 33000)),
        fields(431, "long name", String(repeating: "a", count: 33000) + ": a"),
        MalformedRequest(
            431, "endless field", "GET / HTTP/1.1\r\nA: " + String(repeating: "a", count: 33000)),
        MalformedRequest(
            431, "many long fields",
            "GET / HTTP/1.1\r\n"
                + String(repeating: "A: \(String(repeating: "b", count: 1000))\r\n", count: 40)),
        fields(431, "101 fields", (0..<100).map { "A\($0): b" }.joined(separator: "\r\n")),
    ]
}

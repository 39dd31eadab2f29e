/// Requests that look odd and have to be served, by a server that answers every path with 200.
extension HTTPCase {
    /// What must be served, or refused without closing.
    public static let served = lines + names + bodies + connections + smuggled

    /// A whole text that is answered with `statuses`.
    private static func text(
        _ name: String, _ text: String, _ statuses: [Int] = [200], stays: Bool = true,
        isHead: Bool = false
    ) -> Self {
        Self(name, Array(text.utf8), statuses: statuses, stays: stays, isHead: isHead)
    }

    private static func get(
        _ name: String, _ target: String, _ statuses: [Int] = [200], stays: Bool = true
    ) -> Self {
        text(name, "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", statuses, stays: stays)
    }

    private static func field(_ name: String, _ line: String, stays: Bool = true) -> Self {
        text(name, "GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n", stays: stays)
    }

    private static func host(_ name: String, _ value: String) -> Self {
        text("served Host \(name)", "GET / HTTP/1.1\r\nHost:\(value)\r\n\r\n")
    }

    private static func post(_ name: String, _ fields: String, _ body: String) -> Self {
        text(name, "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(body)")
    }

    private static func chunked(_ name: String, _ body: String) -> Self {
        post(name, "Transfer-Encoding: chunked", body)
    }

    private static let lines: [HTTPCase] = [
        text("plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("one empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", isHead: true),
        text(
            "HEAD with a body", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
            isHead: true),
        text("unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("method of one letter", "G / HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("method with token characters", "M-SEARCH!#$ / HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("OPTIONS of a path", "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n"),
        text("OPTIONS of the server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", [204]),
        get("query", "/?a=b&c"), get("only a question mark", "/?"),
        get("two question marks", "/??"),
        get("query with a slash", "/?/a/b"), get("query with odd characters", "/?<>\"^`{|}\\"),
        get("path with odd characters", "/<>\"^`{|}"), get("backslash in a path", "/a\\b"),
        get("empty segments", "//a//b"), get("only slashes", "////"),
        get("dot segments", "/a/./b/../c"), get("dot segments above the root", "/../../a"),
        get("encoded dot segments", "/%2e%2e/a"), get("encoded slash", "/a%2Fb"),
        get("encoded space", "/a%20b"), get("encoded NUL", "/a%00b"),
        get("encoded line end", "/a%0d%0aHost:b"), get("encoded percent sign", "/%25zz"),
        get("broken encoding", "/%zz", [400]), get("cut encoding", "/a%2", [400]),
        get("encoding that is not UTF-8", "/%ff", [400]), get("overlong UTF-8", "/%c0%ae", [400]),
        get("broken encoding in a query", "/?%zz"), get("plus and semicolon", "/a+b;c=d"),
        get("long path", "/" + String(repeating: "a", count: 7000)),
        get("many segments", String(repeating: "/a", count: 500)),
        get("absolute target", "http://a/b"), get("absolute target without a path", "http://a"),
        get("absolute target with a query alone", "http://a?b"),
        get("absolute target in capitals", "HTTP://A/b"), get("https target", "https://a/b"),
        get("absolute target of another host", "http://b/"),
        get("absolute target with a port", "http://a:80/"),
        get("absolute target with an address", "http://[::1]:80/"),
    ]

    private static let names: [HTTPCase] = [
        host("empty", ""), host("without a space", "a"), host("after a tab", "\ta"),
        host("with a blank behind", " a \t"), host("with a port", " a:8080"),
        host("with an empty port", " a:"), host("that is an address", " 127.0.0.1:80"),
        host("that is an IPv6 address", " [::1]"), host("in capitals", " EXAMPLE.ORG"),
        host("with an underscore", " a_b"), host("ending in a dot", " a."),
        host("percent-encoded", " a%20b"), host("with sub-delimiters", " a!$&'()*+;=b"),
        field("empty value", "A:"), field("value of blanks", "A: \t "),
        field("blanks around a value", "A:\t b c \t"), field("colons in a value", "A: b:c:d"),
        field("high bytes in a value", "A: \u{e9}\u{fc}"),
        field("quotes in a value", "A: \"b\\\"c\""),
        field("name of all token characters", "!#$%&'*+-.^_`|~09azAZ: b"),
        field("name with an underscore", "A_B: c"), field("name with a dot", "A.B: c"),
        field("numeric name", "1: a"), field("a field twice", "A: b\r\nA: c"),
        field("fifty fields", (0..<50).map { "A\($0): b" }.joined(separator: "\r\n")),
        field("value of 8000 bytes", "A: " + String(repeating: "b", count: 8000)),
        field("name of 200 bytes", String(repeating: "a", count: 200) + ": b"),
        field(
            "Upgrade to h2c",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA"),
        field("Upgrade to websocket", "Connection: Upgrade\r\nUpgrade: websocket"),
        field("Trailer and TE", "TE: trailers\r\nTrailer: A"),
        field("Expect without a body", "Expect: 100-continue"),
        field("Content-Length in another field's name", "X-Content-Length: 5"),
        field("Content-Length with an underscore in the name", "Content_Length: 5"),
        field("Transfer-Encoding with an underscore in the name", "Transfer_Encoding: chunked"),
    ]

    private static let bodies: [HTTPCase] = [
        post("body", "Content-Length: 5", "hello"), post("empty body", "Content-Length: 0", ""),
        post("no length, no body", "A: b", ""),
        post("length with zeros first", "Content-Length: 0005", "hello"),
        post("length without a space", "Content-Length:5", "hello"),
        post("length with blanks around", "Content-Length: \t5 \t", "hello"),
        post("length in lower case", "content-length: 5", "hello"),
        post("line ends in a body", "Content-Length: 6", "\r\n\r\n\r\n"),
        post("NUL in a body", "Content-Length: 3", "\0\0\0"),
        post("expected body", "Content-Length: 5\r\nExpect: 100-continue", "hello"),
        post("expected body in capitals", "Content-Length: 5\r\nExpect: 100-CONTINUE", "hello"),
        post(
            "expected chunks", "Transfer-Encoding: chunked\r\nExpect: 100-continue",
            "5\r\nhello\r\n0\r\n\r\n"),
        text("GET with a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
        text(
            "DELETE with chunks",
            "DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
        chunked("chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
        chunked("no chunks", "0\r\n\r\n"),
        chunked("size with zeros first", "0005\r\nhello\r\n000\r\n\r\n"),
        chunked("size in capitals", "A\r\n0123456789\r\n0\r\n\r\n"),
        chunked("size in lower case", "a\r\n0123456789\r\n0\r\n\r\n"),
        chunked("extension", "5;a=b\r\nhello\r\n0;c\r\n\r\n"),
        chunked("extension in quotes", "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n"),
        chunked("extension with blanks", "5 ; a = b\r\nhello\r\n0\r\n\r\n"),
        chunked("line ends in a chunk", "4\r\n\r\n\r\n\r\n0\r\n\r\n"),
        chunked("trailer", "5\r\nhello\r\n0\r\nA: b\r\n\r\n"),
        chunked("trailer that names a length", "0\r\nContent-Length: 50\r\n\r\n"),
        chunked("trailer that names a coding", "0\r\nTransfer-Encoding: gzip\r\nHost: b\r\n\r\n"),
        chunked("trailer with an empty value", "0\r\nA:\r\nB: c\r\n\r\n"),
        post("chunked in capitals", "Transfer-Encoding: CHUNKED", "0\r\n\r\n"),
        post("chunked without a space", "Transfer-Encoding:chunked", "0\r\n\r\n"),
        post("chunked with blanks around", "Transfer-Encoding: \t chunked \t", "0\r\n\r\n"),
        post("coding's name in lower case", "transfer-encoding: chunked", "0\r\n\r\n"),
    ]

    private static let connections: [HTTPCase] = [
        field("Connection close", "Connection: close", stays: false),
        field("Connection CLOSE", "Connection: CLOSE", stays: false),
        field("Connection close in a list", "Connection: a, close , b", stays: false),
        field(
            "Connection close in a second field", "Connection: a\r\nConnection: close", stays: false
        ),
        field("Connection close beside keep-alive", "Connection: keep-alive, close", stays: false),
        field("Connection closed", "Connection: closed"), field("Connection empty", "Connection:"),
        field("Connection keep-alive", "Connection: keep-alive\r\nKeep-Alive: timeout=5"),
        field("Connection that names a field", "Connection: Host, Content-Length"),
        text("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        text("HTTP/1.9", "GET / HTTP/1.9\r\nHost: a\r\n\r\n"),
        text("1.0", "GET / HTTP/1.0\r\n\r\n", stays: false),
        text("1.0 with a Host", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", stays: false),
        text("1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        text("1.0 with Keep-Alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
        text("1.0 with a body", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", stays: false),
        text(
            "1.0 that expects", "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: x\r\n\r\nhi",
            stays: false),
        text(
            "two requests", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            [200, 200]),
        text(
            "a good and a bad one", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/9.9\r\n\r\n",
            [200, 505], stays: false),
        text(
            "an empty line between",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", [200, 200]),
        text("nothing but an empty line", "\r\n", []),
    ]

    /// A body that looks like a request must not become one.
    private static let smuggled: [HTTPCase] = [
        post(
            "request in a body", "Content-Length: 38",
            "GET /evil HTTP/1.1\r\nHost: evil.org\r\n\r\n"),
        chunked(
            "request in a chunk", "22\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n\r\n0\r\n\r\n"),
        chunked("request in an extension", "1;GET /evil HTTP/1.1\r\na\r\n0\r\n\r\n"),
        chunked("request in a trailer", "0\r\nA: GET /evil HTTP/1.1\r\n\r\n"),
        field("request in a value", "A: GET /evil HTTP/1.1"),
        get("request in a query", "/?GET%20/evil%20HTTP/1.1%0d%0a"),
    ]
}

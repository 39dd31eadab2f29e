internal import Bytes

/// What the fields of a head say about its body and its connection.
///
/// Two readers of one message who disagree on where it ends are how requests are smuggled, so
/// everything that has been read in two ways is refused: a length given twice, even the same;
/// a length together with a coding; codings other than `chunked` alone.
struct FramingFacts: Sendable {
    private var contentLength: UInt64?
    private var isChunked = false
    private var hasHost = false
    private var says = ConnectionOptions()
    private var expectsContinue = false

    /// Takes one field into account.
    mutating func note(
        name: RawSpan, value: RawSpan, version: HTTPVersion
    ) throws(HTTPError) {
        // Most fields concern none of this: their first letters tell.
        guard name.byteCount >= 4, Self.mayMatter(name) else { return }
        switch name.byteCount {
        case 4 where name.equalsIgnoringCase("host"):
            guard !hasHost else { throw HTTPError(.badRequest, "there is more than one Host") }
            guard value.byteCount == 0 || Authority.isValid(value) else {
                throw HTTPError(.badRequest, "Host is malformed")
            }
            hasHost = true
        case 6 where name.equalsIgnoringCase("expect"):
            // A client of HTTP/1.0 cannot mean it, says RFC 9110.
            guard version == .http11 else { return }
            guard value.equalsIgnoringCase("100-continue") else {
                throw HTTPError(.expectationFailed, "only 100-continue can be expected")
            }
            expectsContinue = true
        case 10 where name.equalsIgnoringCase("connection"):
            try says.add(value)
        case 14 where name.equalsIgnoringCase("content-length"):
            try noteContentLength(value)
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            guard version == .http11 else {
                throw HTTPError(.badRequest, "HTTP/1.0 knows no Transfer-Encoding")
            }
            guard !isChunked else {
                throw HTTPError(.badRequest, "there is more than one Transfer-Encoding")
            }
            try TransferEncoding.check(value)
            isChunked = true
        default: break
        }
    }

    @inline(__always)
    private static func mayMatter(_ name: RawSpan) -> Bool {
        // In lower case: no other token character becomes a letter so.
        switch Word.load4(name, 0) | 0x2020_2020 {
        case Word.word4("host"), Word.word4("expe"), Word.word4("conn"), Word.word4("cont"),
            Word.word4("tran"):
            true
        default: false
        }
    }

    private mutating func noteContentLength(_ value: RawSpan) throws(HTTPError) {
        guard contentLength == nil else {
            throw HTTPError(.badRequest, "there is more than one Content-Length")
        }
        guard value.byteCount > 0, value.withUnsafeBytes({ $0.allSatisfy(\.isASCIIDigit) }) else {
            throw HTTPError(.badRequest, "Content-Length is not a number")
        }
        guard let length = UInt64(ascii: value), length <= UInt64(Int64.max) else {
            throw HTTPError(.contentTooLarge, "Content-Length is beyond every limit")
        }
        contentLength = length
    }

    /// Judges the head as a whole, when its last field has been seen.
    func conclude(into head: inout RequestHead) throws(HTTPError) {
        guard hasHost || head.version == .http10 else {
            throw HTTPError(.badRequest, "Host is missing")
        }
        if isChunked {
            guard contentLength == nil else {
                throw HTTPError(.badRequest, "Content-Length beside Transfer-Encoding")
            }
            head.framing = .chunked
        } else if let contentLength, contentLength > 0 {
            head.framing = .length(contentLength)
        } else {
            head.framing = .none
        }
        guard head.knownMethod != .connect else {
            throw HTTPError(.notImplemented, "CONNECT is not served here")
        }
        head.keepAlive = !says.close && (head.version == .http11 || says.keepAlive)
        head.expectsContinue = expectsContinue && head.framing != .none
    }
}

/// The options of the Connection field that matter to a server.
private struct ConnectionOptions: Sendable {
    var close = false
    var keepAlive = false

    mutating func add(_ value: RawSpan) throws(HTTPError) {
        var list = TokenList(value)
        while let element = list.next() {
            if element.count == 0 { continue }
            let token = value.slice(element)
            guard Syntax.isToken(token) else {
                throw HTTPError(.badRequest, "Connection is malformed")
            }
            if token.equalsIgnoringCase("close") { close = true }
            if token.equalsIgnoringCase("keep-alive") { keepAlive = true }
        }
    }
}

/// The one coding that is understood.
private enum TransferEncoding {
    static func check(_ value: RawSpan) throws(HTTPError) {
        if value.equalsIgnoringCase("chunked") { return }
        var codings = 0
        var chunkedAt: Int?
        var list = TokenList(value)
        while let element = list.next() {
            let coding = value.slice(element)
            guard Syntax.isToken(coding) else {
                throw HTTPError(.badRequest, "Transfer-Encoding is malformed")
            }
            guard chunkedAt == nil else {
                throw HTTPError(.badRequest, "chunked must come once and last")
            }
            if coding.equalsIgnoringCase("chunked") { chunkedAt = codings }
            codings += 1
        }
        throw HTTPError(.notImplemented, "only the transfer coding chunked is understood")
    }
}

/// Walks the elements of a comma-separated list, trimmed; empty ones are returned too.
struct TokenList: ~Escapable {
    private let value: RawSpan
    private var cursor = 0
    private var ended = false

    @_lifetime(copy value)
    init(_ value: RawSpan) { self.value = value }

    mutating func next() -> Slice? {
        guard !ended else { return nil }
        let comma = value.firstIndex(of: UInt8(ascii: ","), from: cursor)
        let element = Slice(cursor, comma ?? value.byteCount).trimmed(in: value)
        if let comma { cursor = comma + 1 } else { ended = true }
        return element
    }
}

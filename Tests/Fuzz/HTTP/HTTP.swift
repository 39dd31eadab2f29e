import Bytes
import HTTPWire

/// What a parser made of some input, with the pieces of a body joined.
private enum Step: Hashable {
    case head(String)
    case body([UInt8])
    case failed(HTTPError)
}

/// A connection's bytes: every way to cut them gives the same requests.
public func checkHTTP(_ input: [UInt8]) throws(Violation) {
    var narrow = ParserLimits()
    narrow.requestLineBytesMax = 48
    narrow.headerBytesMax = 120
    narrow.headerCountMax = 4
    narrow.chunkExtensionBytesMax = 12
    narrow.trailerBytesMax = 24
    for (limits, bodyBytesMax) in [(ParserLimits(), UInt64(1) << 20), (narrow, 40)] {
        let whole = try trace([input], limits, bodyBytesMax)
        for pieces in Pieces.of(input) {
            let steps = try trace(pieces, limits, bodyBytesMax)
            try require(steps == whole, "\(pieces) gives \(steps) instead of \(whole)")
        }
        let usual = try trace([input], limits, bodyBytesMax, usually: true)
        try require(usual == whole, "usually \(usual) instead of \(whole)")
    }
}

/// A chunked body, once read and once written.
public func checkChunked(_ input: [UInt8]) throws(Violation) {
    let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    try checkHTTP(head + input)
    // The input once more, now as what is carried.
    var wire = head
    for piece in Pieces.of(input)[2] where !piece.isEmpty {
        ResponseEncoder.appendChunkHeader(piece.count, to: &wire)
        wire += piece
        ResponseEncoder.appendLineEnd(to: &wire)
    }
    ResponseEncoder.appendLastChunk(to: &wire)
    for pieces in [[wire], Pieces.of(wire)[1]] {
        let steps = try trace(pieces, ParserLimits(), 1 << 20)
        try require(steps.count == 2 && steps.last == .body(input), "carried: \(steps)")
    }
}

/// A query string, and a path.
public func checkQuery(_ input: [UInt8]) throws(Violation) {
    let query = HTTPQuery(input)
    for (name, value) in query.pairs {
        let all = query.all(named: name)
        try require(query.first(named: name) == all.first, "the first \(name)")
        try require(all.contains { $0.utf8.elementsEqual(value.utf8) }, "\(name) is not \(value)")
    }
    let text = PercentEncoding.decodeText(input.span.bytes)
    let isDecodable = PercentEncoding.isDecodable(input.span.bytes)
    try require(isDecodable == (text != nil), "decodable, or not")
    guard let text else { return }
    var encoded: [UInt8] = []
    PercentEncoding.append(text, to: &encoded)
    for plusIsSpace in [false, true] {
        let again = PercentEncoding.decode(encoded.span.bytes, plusIsSpace: plusIsSpace)
        try require(again == Array(text.utf8), "encoded as \(encoded)")
    }
}

/// Offers the pieces one after the other, as a connection would; with `usually` each request first
/// to the reader of usual ones.
private func trace(
    _ pieces: [[UInt8]], _ limits: ParserLimits, _ bodyBytesMax: UInt64, usually: Bool = false
) throws(Violation) -> [Step] {
    var parser = RequestParser(limits: limits, bodyBytesMax: bodyBytesMax)
    var reader = UsualReader(limits: limits)
    var head = RequestHead()
    var steps: [Step] = []
    var body: [UInt8] = []
    for piece in pieces {
        var offset = 0
        var calls = 0
        feeding: while true {
            calls += 1
            // A request takes four bytes at least and three events at most.
            try require(calls <= 3 * piece.count + 4, "the parser makes no progress")
            if usually, parser.isBetweenRequests(head), offset < piece.count,
                reader.read(piece.span.bytes, from: offset)
            {
                let count = reader.found.count
                let bytes = piece.span.bytes.extracting(offset..<(offset + count))
                reader.copy(of: bytes, into: &head)
                steps += [.head(head.summary), .body([])]
                offset += count
                head.reset()
                continue
            }
            let event: RequestParser.Event
            do {
                event = try parser.next(piece.span.bytes, at: &offset, into: &head)
            } catch {
                return steps + [.failed(error)]
            }
            switch event {
            case .needMore:
                try require(offset == piece.count, "\(piece.count - offset) bytes are left")
                break feeding
            case .head:
                try require(head.bytes.byteCount <= limits.headMax, "the head is too long")
                steps.append(.head(head.summary))
            case .body(let range):
                try require(!range.isEmpty && range.upperBound == offset, "body \(range)")
                body += piece[range]
                try require(body.count <= Int(bodyBytesMax), "the body is too long")
            case .end:
                steps.append(.body(body))
                body = []
                head.reset()
            }
        }
    }
    return steps
}

extension ParserLimits {
    /// One empty line may come before the request line.
    fileprivate var headMax: Int { requestLineBytesMax + headerBytesMax + 6 }
}

extension RequestHead {
    /// Everything the parser found out.
    fileprivate var summary: String {
        let fields = headers.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
        let pairs = query.pairs.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
        return """
            \(method) \(target) [\(path)] [\(pairs)] \(version) \(framing) \
            \(keepAlive ? "stays" : "closes")\(expectsContinue ? " expects" : "") {\(fields)}
            """
    }
}

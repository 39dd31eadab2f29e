import Bytes
import HTTPWire
import Testing

/// What a parser made of some input, with the pieces of a body joined.
enum Step: Equatable {
    case head(String)
    case body(String)
    case end
    case failed(Int)
}

/// Offers `pieces` one after the other, as a connection would, and notes what comes of them. With
/// `usually` each request is offered to the reader of usual ones first, as servers do.
func trace(
    _ pieces: [[UInt8]], limits: ParserLimits = ParserLimits(), bodyBytesMax: UInt64 = 1 << 20,
    usually: Bool = false
) -> [Step] {
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
            if calls > piece.count + 16 {
                Issue.record("the parser makes no progress")
                return steps
            }
            if usually, parser.isBetweenRequests(head), offset < piece.count,
                reader.read(piece.span.bytes, from: offset)
            {
                let count = reader.found.count
                let bytes = piece.span.bytes.extracting(offset..<(offset + count))
                reader.copy(of: bytes, into: &head)
                steps += [.head(head.summary), .body(""), .end]
                offset += count
                head.reset()
                continue
            }
            do {
                switch try parser.next(piece.span.bytes, at: &offset, into: &head) {
                case .needMore:
                    #expect(offset == piece.count)
                    break feeding
                case .head: steps.append(.head(head.summary))
                case .body(let range):
                    #expect(!range.isEmpty && range.upperBound == offset)
                    body.append(contentsOf: piece[range])
                case .end:
                    steps.append(.body(String(decoding: body, as: UTF8.self)))
                    steps.append(.end)
                    body = []
                    head.reset()
                }
            } catch {
                // Reports show what was read of a refused head; here it need only be readable.
                _ = head.summary
                steps.append(.failed(Int(error.status.code)))
                return steps
            }
        }
    }
    return steps
}

func trace(
    _ text: String, limits: ParserLimits = ParserLimits(), bodyBytesMax: UInt64 = 1 << 20
) -> [Step] {
    trace([Array(text.utf8)], limits: limits, bodyBytesMax: bodyBytesMax)
}

extension RequestHead {
    /// Everything the parser found out, on one line.
    var summary: String {
        let fields = headers.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
        return """
            \(method) \(target) [\(path)] [\(query.encoded)] \(version) \(framing) \
            \(keepAlive ? "stays" : "closes")\(expectsContinue ? " expects" : "") {\(fields)}
            """
    }
}

/// Checks that every way to cut `bytes` in two, and cutting it into single bytes, gives the same.
func expectSameForEverySplit(
    _ bytes: [UInt8], limits: ParserLimits = ParserLimits(), bodyBytesMax: UInt64 = 1 << 20,
    _ comment: String
) {
    let whole = trace([bytes], limits: limits, bodyBytesMax: bodyBytesMax)
    for cut in 0...bytes.count {
        let steps = trace(
            [Array(bytes[..<cut]), Array(bytes[cut...])], limits: limits,
            bodyBytesMax: bodyBytesMax)
        if steps != whole {
            Issue.record("\(comment): cut at \(cut) gives \(steps) instead of \(whole)")
            return
        }
    }
    let usual = trace([bytes], limits: limits, bodyBytesMax: bodyBytesMax, usually: true)
    #expect(usual == whole, "\(comment): by the reader of usual requests")
    let single = trace(bytes.map { [$0] }, limits: limits, bodyBytesMax: bodyBytesMax)
    #expect(single == whole, "\(comment): byte by byte")
}

/// A small generator with a seed: the same numbers on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

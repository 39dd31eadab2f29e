internal import Bytes
internal import ReplicationWire

/// What a replay must know of a main's line, found without reading the row.
struct MainLine: Equatable {
    enum Kind: Equatable {
        /// A row; its token is nil if more rows of the same one follow.
        case row(StreamName, token: Int64?)
        case position(StreamName, token: Int64)
        /// What belongs to no stream and is played as it is.
        case other
        /// What the replay says by itself.
        case own
    }

    let kind: Kind
    /// Where the token stands; empty where there is none. In the named dialect's `POSITION` it is
    /// the last of two.
    let tokenRange: Range<Int>

    init(reading line: RawSpan, dialect: Dialect) throws(CaptureLine.Mistake) {
        let words = Words(line)
        guard let name = words.word(0) else { throw CaptureLine.Mistake("there is no command") }
        switch line.extracting(name).string {
        case "RDATA":
            let place = dialect == .named ? 3 : 2
            guard let stream = words.word(1), let token = words.word(place),
                words.word(place + 1) != nil
            else { throw CaptureLine.Mistake("RDATA without a stream, a token and a row") }
            let text = line.extracting(token)
            let number = Int64(ascii: text)
            guard number != nil || text.equals("batch") else {
                throw CaptureLine.Mistake(
                    "'\(text.string)' is no token; is it the other dialect?")
            }
            kind = .row(StreamName(line.extracting(stream).string), token: number)
            tokenRange = number == nil ? 0..<0 : token
        case "POSITION":
            // The first releases of the named dialect had no previous token yet.
            let last = dialect == .named ? (words.word(4) == nil ? 3 : 4) : 2
            guard let stream = words.word(1), let token = words.word(last),
                let number = Int64(ascii: line.extracting(token))
            else { throw CaptureLine.Mistake("POSITION without a stream and a token") }
            kind = .position(StreamName(line.extracting(stream).string), token: number)
            tokenRange = token
        case "SERVER", "PING", "ERROR":
            kind = .own
            tokenRange = 0..<0
        default:
            kind = .other
            tokenRange = 0..<0
        }
    }

    /// Which dialect a line is in; nil if it is the same in both.
    static func dialect(of line: RawSpan) -> Dialect? {
        let words = Words(line)
        guard let name = words.word(0), let place = words.word(2) else { return nil }
        let command = line.extracting(name)
        guard command.equals("RDATA") || command.equals("POSITION") else { return nil }
        let text = line.extracting(place)
        return Int64(ascii: text) != nil || text.equals("batch") ? .classic : .named
    }

    /// The first words of a line; the last of them is where a row begins.
    private struct Words {
        private var ranges: [Range<Int>] = []

        init(_ line: RawSpan) {
            var start = 0
            while ranges.count < 5, start < line.byteCount {
                let end = line.firstIndex(of: UInt8(ascii: " "), from: start) ?? line.byteCount
                ranges.append(start..<end)
                start = end + 1
            }
        }

        func word(_ index: Int) -> Range<Int>? { index < ranges.count ? ranges[index] : nil }
    }
}

internal import Bytes
internal import ReplicationWire

/// Lines that go out together, in one piece of memory for all workers that want all of them.
struct ReplayBlock {
    /// Lines in a row of one stream, or of none.
    private struct Run {
        let stream: StreamName?
        var range: Range<Int>
        var rows: Int
    }

    static let bytesMax = 1 << 16

    private var bytes: [UInt8] = []
    private var runs: [Run] = []
    private(set) var rows = 0
    /// Where each stream is once the lines have been sent.
    private(set) var positions: [StreamName: Int64] = [:]

    var isEmpty: Bool { runs.isEmpty }
    var isFull: Bool { bytes.count >= Self.bytesMax }

    /// Adds a line without its end, whose token becomes another one.
    mutating func append(_ line: RawSpan, _ main: MainLine, movedBy offset: Int64) {
        let start = bytes.count
        let (stream, token) = main.place
        if offset != 0, let token {
            line.extracting(first: main.tokenRange.lowerBound).withUnsafeBytes {
                bytes.append(contentsOf: $0)
            }
            bytes.appendDecimal(token + offset)
            line.extracting(droppingFirst: main.tokenRange.upperBound).withUnsafeBytes {
                bytes.append(contentsOf: $0)
            }
        } else {
            line.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        bytes.append(UInt8(ascii: "\n"))
        var isRow = false
        if case .row = main.kind { isRow = true }
        rows += isRow ? 1 : 0
        if let stream, let token {
            positions[stream] = max(token + offset, positions[stream] ?? .min)
        }
        if let last = runs.indices.last, runs[last].stream == stream {
            runs[last].range = runs[last].range.lowerBound..<bytes.count
            runs[last].rows += isRow ? 1 : 0
        } else {
            runs.append(Run(stream: stream, range: start..<bytes.count, rows: isRow ? 1 : 0))
        }
    }

    /// The lines for workers of each set of streams; one piece for each set.
    struct Pieces {
        let block: ReplayBlock
        private var made: [Set<StreamName>: (SharedBytes, rows: Int)] = [:]

        init(_ block: ReplayBlock) { self.block = block }

        mutating func piece(for streams: Set<StreamName>) -> (bytes: SharedBytes, rows: Int) {
            if let piece = made[streams] { return piece }
            let wanted = block.runs.filter { $0.stream.map(streams.contains) ?? true }
            let bytes =
                wanted.count == block.runs.count
                ? block.bytes : wanted.flatMap { block.bytes[$0.range] }
            let piece = (SharedBytes(bytes), rows: wanted.reduce(0) { $0 + $1.rows })
            made[streams] = piece
            return piece
        }
    }
}

extension MainLine {
    /// The stream and the token, where a line has them.
    var place: (stream: StreamName?, token: Int64?) {
        switch kind {
        case .row(let stream, let token): (stream, token)
        case .position(let stream, let token): (stream, token)
        case .other, .own: (nil, nil)
        }
    }
}

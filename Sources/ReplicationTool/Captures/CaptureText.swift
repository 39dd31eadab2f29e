internal import Bytes

/// The lines of a file that comes in chunks, with their numbers.
struct CaptureText {
    /// A protocol line of the longest sort, and what a capture puts before it.
    static let lineBytesMax = (1 << 20) + 64

    private var unfinished: [UInt8] = []
    private(set) var lineNumber = 0

    /// Shows `body` each line that a chunk completes.
    mutating func append<Failure: Error>(
        _ chunk: [UInt8], _ body: (_ line: RawSpan, _ number: Int) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        let bytes = chunk.span.bytes
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n"), from: start) {
            lineNumber += 1
            if unfinished.isEmpty {
                try body(Self.trimmed(bytes.extracting(start..<end)), lineNumber)
            } else {
                unfinished.append(contentsOf: chunk[start..<end])
                let line = unfinished
                unfinished = []
                try body(Self.trimmed(line.span.bytes), lineNumber)
            }
            start = end + 1
        }
        unfinished.append(contentsOf: chunk[start...])
    }

    /// Shows `body` a last line without an end.
    mutating func finish<Failure: Error>(
        _ body: (_ line: RawSpan, _ number: Int) throws(Failure) -> Void
    ) throws(Failure) {
        guard !unfinished.isEmpty else { return }
        lineNumber += 1
        let line = unfinished
        unfinished = []
        try body(Self.trimmed(line.span.bytes), lineNumber)
    }

    /// Whether more has come without an end of line than any line may have.
    var isTooLong: Bool { unfinished.count > Self.lineBytesMax }

    @_lifetime(copy line)
    private static func trimmed(_ line: RawSpan) -> RawSpan {
        guard line.byteCount > 0, line.byte(line.byteCount - 1) == UInt8(ascii: "\r") else {
            return line
        }
        return line.extracting(droppingLast: 1)
    }
}

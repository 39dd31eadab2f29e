import Bytes

/// Cuts a stream of bytes into lines that end with a line feed, whatever pieces it comes in.
struct LineReader: ~Copyable {
    /// The longest line, in bytes.
    static let lineMax = 1024

    /// The beginning of a line whose end has not come yet; empty, and without memory, mostly.
    private var partial = ByteQueue()

    /// Calls `line` for each line that `bytes` completes, without its end. Returns `false` when a
    /// line is too long; nothing should be read after that.
    mutating func read(_ bytes: RawSpan, line: (RawSpan) -> Void) -> Bool {
        var start = 0
        while let end = bytes.firstIndex(of: 0x0A, from: start) {
            let piece = bytes.extracting(start..<end)
            guard partial.count + piece.byteCount <= LineReader.lineMax else { return false }
            if partial.isEmpty {
                // Nearly always: a whole line in one read is looked at where it lies.
                line(LineReader.withoutReturn(piece))
            } else {
                partial.append(piece)
                line(LineReader.withoutReturn(partial.readable))
                partial.removeAll()
            }
            start = end + 1
        }
        partial.append(bytes.extracting(start..<bytes.byteCount))
        return partial.count <= LineReader.lineMax
    }

    @_lifetime(copy line)
    private static func withoutReturn(_ line: RawSpan) -> RawSpan {
        let count = line.byteCount
        return count > 0 && line.byte(count - 1) == 0x0D ? line.extracting(0..<count - 1) : line
    }
}

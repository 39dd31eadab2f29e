import Bytes

/// Cuts a connection's bytes into lines.
///
/// A line that arrived whole is lent as it lies in the input; only the beginning of an unfinished
/// one is copied. A connection between two lines holds no memory. Ends of lines are `\n`, a `\r`
/// before it is stripped, and blank lines are left out.
public struct LineSplitter: ~Copyable {
    /// Why the input is not lines of text. Nothing more can be read after one.
    public enum Violation: Error, Hashable, Sendable {
        /// A line is longer than allowed.
        case lineTooLong
        /// A line is not UTF-8.
        case notUTF8
    }

    /// The longest line that is accepted, without its end.
    public static let lineBytesMax = 1 << 20

    /// The longest line that is accepted from now on, without its end.
    public var bytesMax: Int
    private var unfinished = ByteQueue()

    /// A splitter for a new connection.
    public init(lineBytesMax: Int = LineSplitter.lineBytesMax) {
        bytesMax = lineBytesMax
    }

    /// The bytes of the line that has not ended yet.
    public var unfinishedCount: Int { unfinished.count }

    /// Shows `body` each line that `bytes` completes, until it returns false.
    ///
    /// What follows the line at which `body` returned false is dropped: the connection is over.
    public mutating func split(
        _ bytes: RawSpan, _ body: (_ line: RawSpan) -> Bool
    ) throws(Violation) {
        var start = 0
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n"), from: start) {
            let piece = bytes.extracting(start..<end)
            start = end + 1
            guard unfinished.count + piece.byteCount <= bytesMax + 1 else { throw .lineTooLong }
            let goesOn: Bool
            if unfinished.isEmpty {
                goesOn = try show(piece, body)
            } else {
                unfinished.append(piece)
                goesOn = try show(unfinished.readable, body)
                unfinished = ByteQueue()
            }
            guard goesOn else { return }
        }
        let rest = bytes.extracting(droppingFirst: start)
        // One byte more than a line may have: it may be the `\r` that does not count.
        guard unfinished.count + rest.byteCount <= bytesMax + 1 else { throw .lineTooLong }
        unfinished.append(rest)
    }

    private func show(
        _ raw: RawSpan, _ body: (_ line: RawSpan) -> Bool
    ) throws(Violation) -> Bool {
        var line = raw
        if line.byteCount > 0, line.byte(line.byteCount - 1) == UInt8(ascii: "\r") {
            line = line.extracting(droppingLast: 1)
        }
        guard line.byteCount <= bytesMax else { throw .lineTooLong }
        guard line.byteCount > 0 else { return true }
        guard line.isUTF8 else { throw .notUTF8 }
        return body(line)
    }
}

extension RawSpan {
    /// Whether the bytes are UTF-8. Costs a pass of eight bytes at a time for ASCII.
    var isUTF8: Bool {
        var offset = 0
        while offset + 8 <= byteCount {
            let word = unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard word & 0x8080_8080_8080_8080 == 0 else {
                return extracting(droppingFirst: offset).validatedString != nil
            }
            offset += 8
        }
        while offset < byteCount {
            guard byte(offset) < 0x80 else {
                return extracting(droppingFirst: offset).validatedString != nil
            }
            offset += 1
        }
        return true
    }
}

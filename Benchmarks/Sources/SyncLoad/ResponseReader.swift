import Bytes

/// Reads HTTP/1.1 responses from a stream of bytes: bodies by length or in chunks, whatever they are cut into.
///
/// A response that comes whole is looked at where it lies.
struct ResponseReader {
    struct Malformed: Error {}

    private struct Head {
        var status = 0
        var count = 0
        var length = 0
        var isChunked = false
    }

    private var partial: [UInt8] = []
    private var head: Head?
    private var body: [UInt8] = []

    /// Takes what has arrived and calls `answered` with each response that is complete.
    mutating func read(
        _ bytes: RawSpan, answered: (_ status: Int, _ body: RawSpan) -> Void
    ) throws(Malformed) {
        guard partial.isEmpty else {
            bytes.withUnsafeBytes { partial.append(contentsOf: $0) }
            var input: [UInt8] = []
            swap(&input, &partial)
            let consumed = try responses(input.span.bytes, answered)
            if consumed < input.count {
                input.removeFirst(consumed)
                partial = input
            }
            return
        }
        let consumed = try responses(bytes, answered)
        if consumed < bytes.byteCount {
            bytes.extracting(consumed..<bytes.byteCount).withUnsafeBytes {
                partial.append(contentsOf: $0)
            }
        }
    }

    private mutating func responses(
        _ bytes: RawSpan, _ answered: (Int, RawSpan) -> Void
    ) throws(Malformed) -> Int {
        var offset = 0
        while offset < bytes.byteCount {
            let rest = bytes.extracting(offset..<bytes.byteCount)
            // Known while more of a large body comes.
            if head == nil { head = try Self.head(rest) }
            guard let head else { break }
            let content = rest.extracting(head.count..<rest.byteCount)
            if head.isChunked {
                guard let count = try chunks(content) else { break }
                answered(head.status, body.span.bytes)
                offset += head.count + count
            } else {
                guard content.byteCount >= head.length else { break }
                answered(head.status, content.extracting(0..<head.length))
                offset += head.count + head.length
            }
            self.head = nil
        }
        return offset
    }

    private static func head(_ bytes: RawSpan) throws(Malformed) -> Head? {
        var head = Head()
        var start = 0
        while let end = bytes.firstIndex(of: 0x0A, from: start) {
            guard end > start, bytes.byte(end - 1) == 0x0D else { throw Malformed() }
            let line = bytes.extracting(start..<end - 1)
            if start == 0 {
                guard line.byteCount >= 12, line.starts(with: "HTTP/1."),
                    let status = Int64(ascii: line.extracting(9..<12))
                else { throw Malformed() }
                head.status = Int(status)
            } else if line.byteCount == 0 {
                head.count = end + 1
                return head
            } else {
                try field(line, &head)
            }
            start = end + 1
        }
        guard bytes.byteCount < 64 << 10 else { throw Malformed() }
        return nil
    }

    private static func field(_ line: RawSpan, _ head: inout Head) throws(Malformed) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw Malformed() }
        let name = line.extracting(0..<colon)
        var start = colon + 1
        while start < line.byteCount, line.byte(start) == 0x20 { start += 1 }
        let value = line.extracting(start..<line.byteCount)
        if name.equalsIgnoringCase("content-length") {
            guard let length = Int64(ascii: value), length >= 0 else { throw Malformed() }
            head.length = Int(length)
        } else if name.equalsIgnoringCase("transfer-encoding") {
            head.isChunked = value.equalsIgnoringCase("chunked")
        }
    }

    /// Puts the chunks together; `nil` until the last has come.
    private mutating func chunks(_ bytes: RawSpan) throws(Malformed) -> Int? {
        body.removeAll(keepingCapacity: true)
        var offset = 0
        while let end = bytes.firstIndex(of: 0x0A, from: offset) {
            let text = bytes.extracting(offset..<max(offset, end - 1)).string
            guard let size = Int(text.prefix { $0.isHexDigit }, radix: 16) else {
                throw Malformed()
            }
            let start = end + 1
            guard bytes.byteCount >= start + size + 2 else { return nil }
            bytes.extracting(start..<start + size).withUnsafeBytes { body.append(contentsOf: $0) }
            offset = start + size + 2
            if size == 0 { return offset }
        }
        return nil
    }
}

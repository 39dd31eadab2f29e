internal import Bytes

/// Reads HTTP/1.1 responses of our own servers, one after the other, without I/O.
///
/// It is a client of the demo, not a general one: it takes what a Beamline server sends (a length or chunks) and
/// refuses the rest.
struct ResponseParser {
    struct Response: Sendable {
        var status: Int
        var body: [UInt8]
        var closes: Bool
    }

    struct Malformed: Error {}

    private static let headBytesMax = 16 << 10
    private static let bodyBytesMax = 64 << 20
    private var buffer: [UInt8] = []

    mutating func append(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
    }

    /// The next whole response, or `nil` until more has arrived.
    mutating func next() throws(Malformed) -> Response? {
        guard let headEnd = buffer.firstRange(of: Array("\r\n\r\n".utf8)) else {
            guard buffer.count <= ResponseParser.headBytesMax else { throw Malformed() }
            return nil
        }
        let lines = String(decoding: buffer[..<headEnd.lowerBound], as: UTF8.self)
            .split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw Malformed()
        }
        var length = 0
        var isChunked = false
        var closes = false
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { throw Malformed() }
            let value = parts[1].drop { $0 == " " }.lowercased()
            switch parts[0].lowercased() {
            case "content-length":
                guard let count = Int(value), count >= 0, count <= ResponseParser.bodyBytesMax
                else {
                    throw Malformed()
                }
                length = count
            case "transfer-encoding": isChunked = value == "chunked"
            case "connection": closes = value == "close"
            default: break
            }
        }
        let start = headEnd.upperBound
        if isChunked {
            guard let (body, end) = try chunks(from: start) else { return nil }
            buffer.removeFirst(end)
            return Response(status: status, body: body, closes: closes)
        }
        guard buffer.count - start >= length else { return nil }
        let body = Array(buffer[start..<start + length])
        buffer.removeFirst(start + length)
        return Response(status: status, body: body, closes: closes)
    }

    private func chunks(from start: Int) throws(Malformed) -> (body: [UInt8], end: Int)? {
        var body: [UInt8] = []
        var position = start
        while true {
            guard let lineEnd = buffer[position...].firstRange(of: Array("\r\n".utf8)) else {
                return nil
            }
            let text = String(decoding: buffer[position..<lineEnd.lowerBound], as: UTF8.self)
            guard let size = Int(text, radix: 16), size >= 0,
                body.count + size <= ResponseParser.bodyBytesMax
            else { throw Malformed() }
            let data = lineEnd.upperBound
            guard buffer.count >= data + size + 2 else { return nil }
            body += buffer[data..<data + size]
            position = data + size + 2
            if size == 0 { return (body, position) }
        }
    }
}

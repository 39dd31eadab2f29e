import Bytes
import Testing

@testable import Workers

@Suite("The demo's HTTP responses")
struct ResponseParserTests {
    private static let plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    private static let chunked =
        "HTTP/1.1 429 Too Many\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"

    @Test("come whole, whatever the pieces", arguments: 1...40)
    func split(size: Int) throws {
        let bytes = Array((Self.plain + Self.chunked + Self.plain).utf8)
        var parser = ResponseParser()
        var responses: [ResponseParser.Response] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = Array(bytes[start..<min(start + size, bytes.count)])
            parser.append(piece.span.bytes)
            while let response = try parser.next() { responses.append(response) }
        }
        #expect(responses.map(\.status) == [200, 429, 200])
        #expect(
            responses.map { String(decoding: $0.body, as: UTF8.self) } == [
                "hello", "hello!", "hello",
            ])
        #expect(responses.map(\.closes) == [false, true, false])
    }

    @Test(
        "are refused if they are none",
        arguments: [
            "FTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 x OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            String(repeating: "a", count: 20_000),
        ])
    func malformed(text: String) {
        var parser = ResponseParser()
        parser.append(Array(text.utf8).span.bytes)
        #expect(throws: ResponseParser.Malformed.self) { try parser.next() }
    }
}

import HTTPServer
import HTTPWire
import Testing

@Suite struct RawWriterTests {
    @Test(arguments: [0, 7, 10, 99, 100, 65_535, 1_000_000_007, Int.max])
    func aLengthIsWrittenInDecimal(_ length: Int) {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { memory in
            var writer = RawWriter(memory)
            writer.appendStatusLine(.notFound)
            writer.appendLengthAndEnd(length)
            let text = String(decoding: memory.prefix(writer.count), as: UTF8.self)
            #expect(text == "HTTP/1.1 404 Not Found\r\nContent-Length: \(length)\r\n\r\n")
        }
    }
}

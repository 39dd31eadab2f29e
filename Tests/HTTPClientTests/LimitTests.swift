import CZlib
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@testable import HTTPClient

/// Compresses: window bits 31 are gzip, 15 zlib, -15 the bare stream.
func compressed(_ bytes: [UInt8], windowBits: Int32) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    deflateInit2_(&stream, 9, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
    defer { deflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
    var input = bytes
    let produced = input.withUnsafeMutableBytes { input in
        output.withUnsafeMutableBytes { output in
            stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(output.count)
            deflate(&stream, Z_FINISH)
            return output.count - Int(stream.avail_out)
        }
    }
    return Array(output[..<produced])
}

@Suite("Limits and compression")
struct LimitTests {
    /// Serves what it is given, with the encoding that it claims.
    private func serve(
        _ body: [UInt8], encoding: String, fields: String = "", on loop: isolated EventLoop
    ) throws -> String {
        let head =
            "HTTP/1.1 200 OK\r\nContent-Encoding: \(encoding)\r\n\(fields)"
            + "Content-Length: \(body.count)\r\n\r\n"
        let address = try loop.listen { peer, channel in
            while peer.takeHead() != nil { channel.write(Array(head.utf8) + body, on: loop) }
        }
        return "http://\(address)/"
    }

    @Test("headers beyond the limit are refused", arguments: backends)
    func headers(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            var options = HTTPClientOptions()
            options.headerBytesMax = 1000
            let client = try HTTPClient(options, on: loop)
            for (count, isFine) in [(400, true), (2000, false), (60_000, false)] {
                for line in [1, 50] {
                    let fields = (0..<(count / (9 * line))).map { _ in
                        "X: \(String(repeating: "y", count: 4 + (line - 1) * 9))\r\n"
                    }
                    let url = try serve(
                        [1], encoding: "identity", fields: fields.joined(), on: loop)
                    let request = HTTPClientRequest(.get, url)
                    if isFine {
                        let response = try await client.send(request, on: loop)
                        #expect(response.body == [1])
                    } else {
                        let error = try await failure {
                            _ = try await client.send(request, on: loop)
                        }
                        #expect(error.code == .headersTooLarge, "\(error)")
                    }
                }
            }
            client.close(on: loop)
        }
    }

    @Test("bodies up to the limit are taken, one byte more is refused", arguments: backends)
    func bodies(backend: EventLoop.Backend) throws {
        try withStage(
            backend,
            routes: { router in
                router.on(.get, "/chunks/{size}") { exchange, notes, loop in
                    let size = Int(exchange.request.parameters.text("size")) ?? 0
                    exchange.beginStreaming(on: loop)
                    exchange.write(pattern(size), on: loop)
                    exchange.finish(on: loop)
                }
            }
        ) { stage, loop in
            for path in ["/big", "/chunks"] {
                for size in [99_999, 100_000, 100_001, 5_000_000] {
                    for isStreamed in [false, true] {
                        var request = HTTPClientRequest(.get, stage.url("\(path)/\(size)"))
                        request.bodyBytesMax = 100_000
                        let recorder = Recorder()
                        if isStreamed {
                            try stage.client.start(request, handler: recorder, on: loop)
                            await recorder.end(on: loop)
                        } else {
                            do throws(HTTPClientError) {
                                let response = try await stage.client.send(request, on: loop)
                                recorder.bytes = response.body
                            } catch {
                                recorder.error = error
                            }
                        }
                        if size <= 100_000 {
                            #expect(recorder.error == nil)
                            #expect(recorder.bytes.count == size)
                        } else {
                            #expect(recorder.error?.code == .bodyTooLarge)
                            #expect(recorder.bytes.count <= 100_000)
                        }
                    }
                }
            }
        }
    }

    @Test(
        "gzip, several members of it, zlib and the bare stream are understood", arguments: backends)
    func encodings(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let client = try HTTPClient(on: loop)
            for size in [0, 1, 65_536, 300_000] {
                let bytes = pattern(size)
                let gzip = compressed(bytes, windowBits: 31)
                for (encoding, body, expected) in [
                    ("gzip", gzip, bytes), ("GZIP", gzip, bytes), ("x-gzip", gzip, bytes),
                    ("gzip", gzip + gzip, bytes + bytes), ("gzip", gzip + [0, 0, 0], bytes),
                    ("deflate", compressed(bytes, windowBits: 15), bytes),
                    ("deflate", compressed(bytes, windowBits: -15), bytes),
                    ("br", gzip, gzip), ("identity", bytes, bytes), ("gzip", [], []),
                ] {
                    let url = try serve(body, encoding: encoding, on: loop)
                    let response = try await client.send(HTTPClientRequest(.get, url), on: loop)
                    let isSame = response.body == expected
                    #expect(isSame, "\(encoding) of \(size)")
                    let recorder = Recorder()
                    try client.start(HTTPClientRequest(.get, url), handler: recorder, on: loop)
                    await recorder.end(on: loop)
                    #expect(recorder.error == nil)
                    let isSameStreamed = recorder.bytes == expected
                    #expect(isSameStreamed, "\(encoding) of \(size)")
                    // Who asks for an encoding gets it.
                    var own = HTTPClientRequest(.get, url)
                    own.headers.append("Accept-Encoding", "gzip")
                    let raw = try await client.send(own, on: loop)
                    let isRaw = raw.body == body
                    #expect(isRaw)
                }
            }
            client.close(on: loop)
        }
    }

    @Test("bombs are refused before they are unpacked, and broken streams too", arguments: backends)
    func bombs(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let client = try HTTPClient(on: loop)
            let zeros = compressed([UInt8](repeating: 0, count: 8 << 20), windowBits: 31)
            let text = compressed(pattern(100_000), windowBits: 31)
            var flipped = text
            flipped[text.count / 2] ^= 0x55
            let cases: [([UInt8], Int, HTTPClientError.Code)] = [
                (zeros, 16 << 20, .bodyTooLarge), (zeros, 4 << 20, .bodyTooLarge),
                (text, 99_999, .bodyTooLarge), (flipped, 1 << 20, .invalidResponse),
                (Array(text.dropLast(9)), 1 << 20, .invalidResponse),
                (Array("not gzip at all".utf8), 1 << 20, .invalidResponse),
            ]
            for (body, limit, code) in cases {
                var request = HTTPClientRequest(
                    .get, try serve(body, encoding: "gzip", on: loop))
                request.bodyBytesMax = limit
                let error = try await failure { _ = try await client.send(request, on: loop) }
                #expect(error.code == code, "\(error)")
                let recorder = Recorder()
                try client.start(request, handler: recorder, on: loop)
                await recorder.end(on: loop)
                #expect(recorder.error?.code == code)
                #expect(recorder.bytes.count <= limit)
            }
            client.close(on: loop)
        }
    }

    @Test("every split of a compressed stream gives the same bytes")
    func splits() throws {
        let bytes = pattern(3000)
        for (encoding, windowBits) in [("gzip", Int32(31)), ("deflate", 15), ("deflate", -15)] {
            let input = compressed(bytes, windowBits: windowBits)
            for split in 0...input.count {
                let decoder = try #require(ContentDecoder(encoding))
                var output: [UInt8] = []
                for part in [input[..<split], input[split...]] {
                    var rest = Array(part)
                    var room = [UInt8](repeating: 0, count: 512)
                    while true {
                        let (consumed, produced) = try rest.withUnsafeBytes { input in
                            try room.withUnsafeMutableBytes { try decoder.decode(input, into: $0) }
                        }
                        output += room[..<produced]
                        rest.removeFirst(consumed)
                        if produced < room.count, rest.isEmpty { break }
                    }
                }
                #expect(decoder.isComplete)
                let isSame = output == bytes
                #expect(isSame, "split at \(split)")
            }
        }
    }
}

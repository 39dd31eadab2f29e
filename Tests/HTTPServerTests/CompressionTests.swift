import Bytes
import CZlib
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@Suite struct CompressionTests {
    private static let text = String(repeating: "{\"type\":\"m.room.message\"},", count: 300)
    private static let large = (0..<40_000).map { "{\"n\":\($0 &* 7919)}," }.joined()

    private static func routes(_ router: inout Router<Services>) {
        let fields = PrerenderedFields(["Content-Type": "application/json"])
        let pieces = stride(from: 0, to: text.utf8.count, by: 100).map {
            SharedBytes(Array(text.utf8.dropFirst($0).prefix(100)))
        }
        for (path, type) in [
            ("/json", "application/json"), ("/html", "Text/HTML; charset=utf-8"),
            ("/ld", "application/ld+json"), ("/png", "image/png"), ("/bare", ""),
        ] {
            router.onImmediate(.get, path) { request, services, loop in
                var headers = HTTPHeaders()
                if !type.isEmpty { headers.append("Content-Type", type) }
                return HTTPResponse(headers: headers, body: .bytes(Array(text.utf8)))
            }
        }
        for (name, value) in [
            ("ETag", "\"a\""), ("Content-Encoding", "br"), ("Cache-Control", "a, no-transform"),
            ("Content-Range", "bytes 0-1/2"),
        ] {
            router.onImmediate(.get, "/" + name) { request, services, loop in
                HTTPResponse(
                    headers: ["Content-Type": "text/plain", name: value],
                    body: .bytes(Array(text.utf8)))
            }
        }
        router.onImmediate(.get, "/small") { request, services, loop in
            .json(Array(text.utf8.prefix(1399)))
        }
        router.onImmediate(.get, "/pieces") { request, services, loop in
            HTTPResponse(headers: ["Content-Type": "text/plain"], body: .pieces(pieces))
        }
        router.on(.get, "/shared") { exchange, services, loop in
            exchange.respond(fields: fields, contentLength: text.utf8.count, on: loop) { writer in
                for piece in pieces { writer.write(piece, on: loop) }
            }
        }
        router.onImmediate(.get, "/large") { request, services, loop in
            .json(Array(large.utf8))
        }
        router.on(.get, "/stream") { exchange, services, loop in
            exchange.beginStreaming(headers: ["Content-Type": "text/plain"], on: loop)
            exchange.write(Array("first".utf8), on: loop)
            services.park(exchange)
        }
        router.compressesAnswers = false
        router.onImmediate(.get, "/never") { request, services, loop in .json(Array(text.utf8)) }
    }

    private static var options: HTTPServerOptions {
        var options = HTTPServerOptions()
        options.compression = CompressionPolicy()
        return options
    }

    private static func request(
        _ path: String, accepts: String? = "gzip", method: String = "GET", version: String = "1.1"
    ) -> String {
        "\(method) \(path) HTTP/\(version)\r\nHost: x\r\n"
            + (accepts.map { "Accept-Encoding: \($0)\r\n" } ?? "") + "\r\n"
    }

    @Test(arguments: backends)
    func textIsCompressedForWhoAcceptsIt(_ backend: EventLoop.Backend) throws {
        try withServer(backend, options: Self.options, routes: Self.routes) {
            server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for path in ["/json", "/html", "/ld", "/pieces", "/shared", "/large"] {
                let expected = path == "/large" ? Self.large : Self.text
                let answer = try await client.exchange(Self.request(path), on: loop)
                #expect(answer.headers["content-encoding"] == "gzip", "\(path)")
                #expect(answer.headers["vary"] == "Accept-Encoding")
                #expect(answer.body.count < expected.utf8.count / 2)
                #expect(inflate(answer.body) == expected, "\(path)")
                // Others get it as it is, and caches are told that there are two.
                let plain = try await client.exchange(
                    Self.request(path, accepts: "br, gzip;q=0"), on: loop)
                #expect(plain.headers["content-encoding"] == nil)
                #expect(plain.headers["vary"] == "Accept-Encoding")
                #expect(plain.text == expected)
                client.send(Self.request(path, method: "HEAD"), on: loop)
                let head = try await client.response(head: true, on: loop)
                #expect(head.headers["content-encoding"] == "gzip")
                #expect(head.headers["content-length"] == answer.headers["content-length"])
            }
            #expect(client.input.isEmpty)
        }
    }

    @Test(arguments: backends)
    func otherAnswersAreLeftAlone(_ backend: EventLoop.Backend) throws {
        try withServer(backend, options: Self.options, routes: Self.routes) {
            server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for path in [
                "/png", "/bare", "/small", "/ETag", "/Cache-Control", "/Content-Range", "/never",
                "/Content-Encoding",
            ] {
                let answer = try await client.exchange(Self.request(path), on: loop)
                #expect(answer.headers["content-encoding"] != "gzip", "\(path)")
                #expect(answer.headers["vary"] == nil)
                #expect(Self.text.hasPrefix(answer.text))
            }
            let old = try await Client.connect(to: address, on: loop)
            let answer = try await old.exchange(Self.request("/large", version: "1.0"), on: loop)
            #expect(answer.text == Self.large)
            let other = try await Client.connect(to: address, on: loop)
            let small = try await other.exchange(Self.request("/json", version: "1.0"), on: loop)
            #expect(inflate(small.body) == Self.text)
        }
    }

    @Test(arguments: backends)
    func streamsAreFlushedAndBounded(_ backend: EventLoop.Backend) throws {
        var options = Self.options
        options.compression?.streamsMax = 3
        try withServer(backend, options: options, routes: Self.routes) {
            server, services, address, loop in
            var clients: [Client] = []
            for _ in 0..<5 {
                let client = try await Client.connect(to: address, on: loop)
                client.send(Self.request("/stream"), on: loop)
                clients.append(client)
                // What has been written arrives although the stream goes on.
                await client.wait(on: loop) { partOfStream($0.input)?.hasSuffix("first") ?? false }
            }
            let exchanges = services.parked
            services.parked = []
            for exchange in exchanges {
                exchange.write(Array(Self.text.utf8), on: loop)
                exchange.finish(on: loop)
            }
            var codings: [String?] = []
            for client in clients {
                let answer = try await client.response(on: loop)
                codings.append(answer.headers["content-encoding"])
                let isPlain = answer.headers["content-encoding"] == nil
                #expect((isPlain ? answer.text : inflate(answer.body)) == "first" + Self.text)
            }
            #expect(codings.filter { $0 == "gzip" }.count == 4)
            // All have been given back.
            let answer = try await clients[4].exchange(Self.request("/json"), on: loop)
            #expect(answer.headers["content-encoding"] == "gzip")
        }
    }

    @Test(arguments: backends)
    func largeAnswersGoAsFastAsTheClientTakesThem(_ backend: EventLoop.Backend) throws {
        // Bytes that no compression makes fewer, and more of them than the sockets' buffers hold.
        var noise: [UInt8] = []
        var state: UInt64 = 1
        while noise.count < 20_000_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            withUnsafeBytes(of: state) { noise.append(contentsOf: $0[3...]) }
        }
        let body = noise
        let listening = ListenerOptions(channel: ChannelOptions(sendBuffer: 1 << 20))
        try withServer(
            backend, options: Self.options, listening: listening,
            routes: { router in
                router.onImmediate(.get, "/noise") { request, services, loop in .json(body) }
                router.onImmediate(.get, "/hello") { request, services, loop in .text("hello") }
            }
        ) { server, services, address, loop in
            server.requestFinished = { services.note($0.route ?? "") }
            let client = try await Client.connect(to: address, on: loop)
            client.channel?.pauseReading(on: loop)
            client.send(Self.request("/noise"), on: loop)
            // Others are served meanwhile, and the answer waits for its reader.
            let other = try await Client.connect(to: address, on: loop)
            for _ in 0..<500 {
                _ = try await other.exchange(Self.request("/hello"), on: loop)
            }
            #expect(!services.notes.contains("/noise"))
            client.channel?.resumeReading(on: loop)
            await client.wait(on: loop) {
                $0.hasEnded || $0.input.suffix(5).elementsEqual("0\r\n\r\n".utf8)
            }
            let answer = try await client.response(on: loop)
            #expect(inflateBytes(answer.body) == body)
            // A client that goes away in the middle leaves nothing behind.
            client.channel?.pauseReading(on: loop)
            client.send(Self.request("/noise"), on: loop)
            _ = try await other.exchange(Self.request("/hello"), on: loop)
            client.channel?.abort(on: loop)
            while server.connectionCount > 1 { await loop.sleep(for: .milliseconds(1)) }
        }
    }
}

/// The body of a streamed answer as far as it has come, inflated if need be.
private func partOfStream(_ input: [UInt8]) -> String? {
    guard let (head, _) = parse(input, ended: false, head: true) else { return nil }
    var open = input
    open += Array("0\r\n\r\n".utf8)
    guard let (answer, _) = parse(open, ended: false, head: false) else { return nil }
    return head.headers["content-encoding"] == "gzip" ? inflate(answer.body) : answer.text
}

private func inflate(_ bytes: [UInt8]) -> String {
    String(decoding: inflateBytes(bytes), as: UTF8.self)
}

/// Inflates as much of a gzip stream as there is.
private func inflateBytes(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var stream = z_stream()
    guard
        inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return [] }
    defer { inflateEnd(&stream) }
    var output: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1 << 16)
    bytes.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        var code = Z_OK
        repeat {
            room.withUnsafeMutableBufferPointer { room in
                stream.next_out = room.baseAddress
                stream.avail_out = UInt32(room.count)
                code = inflate(&stream, Z_NO_FLUSH)
            }
            output += room[..<(room.count - Int(stream.avail_out))]
        } while code == Z_OK && stream.avail_out == 0
    }
    return output
}

import Bytes
import HTTPServer
import HTTPWire
import Reactor
import ReactorTesting
import Testing

/// Clients that take their time, on a loop whose clock moves by itself: minutes cost nothing, and
/// nothing depends on how fast the machine is.
@Suite struct SlowClientTests {
    private static let get = "GET /hello/a HTTP/1.1\r\nHost: x\r\n\r\n"

    private func with(
        _ seed: UInt64, options: HTTPServerOptions = HTTPServerOptions(),
        routes: @Sendable @escaping (inout Router<Services>) -> Void = { _ in },
        _ body:
            @escaping @Sendable (
                HTTPServer<Services>, Services, SocketAddress, isolated EventLoop
            ) async throws -> Void
    ) throws {
        var faults = NetworkFaults()
        if seed > 1 {
            faults = .rough
            faults.window = 1 << 18
        }
        let loop = try EventLoop.simulated(seed: seed, faults: faults)
        try withServer(on: loop, lasting: .seconds(100_000), options: options, routes: routes, body)
    }

    /// Sends a byte each `pause` until the server answers or closes; returns how long it took.
    private static func drip(
        _ text: String, each pause: Duration, _ client: Client, on loop: isolated EventLoop
    ) async -> Duration {
        let start = loop.now
        for byte in text.utf8 {
            guard client.input.isEmpty, !client.hasEnded else { break }
            client.send([byte], on: loop)
            await loop.sleep(for: pause)
        }
        await client.wait(on: loop) { !$0.input.isEmpty || $0.hasEnded }
        return loop.now - start
    }

    @Test(arguments: UInt64(1)...3)
    func headsHaveTheirTimeInAll(_ seed: UInt64) throws {
        try with(seed) { server, services, address, loop in
            for text in [
                "GET /hello/a HTTP/1.1\r\nHost: x\r\nA: " + String(repeating: "b", count: 100),
                "GET /" + String(repeating: "a", count: 100), "G", "\r\n",
            ] {
                let client = try await Client.connect(to: address, on: loop)
                let time = await Self.drip(text, each: .seconds(1), client, on: loop)
                #expect(time > .seconds(19) && time < .seconds(22), "\(time)")
                #expect(try await client.response(on: loop).status == 408)
                await client.end(on: loop)
            }
            // A head that is slow but in time is served, and the next one has its own time.
            let client = try await Client.connect(to: address, on: loop)
            for _ in 0..<3 {
                _ = await Self.drip(Self.get, each: .milliseconds(400), client, on: loop)
                #expect(try await client.response(on: loop).text == "hello a")
                await loop.sleep(for: .seconds(110))
            }
            await loop.sleep(for: .seconds(11))
            #expect(client.hasEnded)
        }
    }

    @Test(arguments: UInt64(1)...3)
    func bodiesNeedARate(_ seed: UInt64) throws {
        try with(
            seed,
            routes: { router in
                router.onStreamingAsync(.post, "/take", bodyBytesMax: 1 << 30) {
                    request, body, services, loop in
                    var count = 0
                    while let piece = try await body.next(on: loop) { count += piece.count }
                    return .text("\(count)")
                }
            }
        ) { server, services, address, loop in
            for path in ["/echo", "/take"] {
                let head = "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n"
                let slow = try await Client.connect(to: address, on: loop)
                slow.send(head, on: loop)
                let text = String(repeating: "a", count: 100)
                let time = await Self.drip(text, each: .seconds(1), slow, on: loop)
                #expect(time > .seconds(29) && time < .seconds(33), "\(time)")
                #expect(try await slow.response(on: loop).status == 408)
                await slow.end(on: loop)
                // Five minutes at twice the rate that is asked for.
                let steady = try await Client.connect(to: address, on: loop)
                steady.send(head, on: loop)
                for _ in 0..<300 {
                    steady.send([UInt8](repeating: 0x61, count: 2000), on: loop)
                    await loop.sleep(for: .seconds(1))
                }
                #expect(try await steady.response(on: loop).status == 200)
            }
        }
    }

    @Test(arguments: UInt64(1)...3)
    func pausesOfTheHandlerDoNotCountAgainstTheClient(_ seed: UInt64) throws {
        try with(
            seed,
            routes: { router in
                router.onStreaming(.put, "/take") { exchange, services, loop in
                    let upload = Uploading(exchange)
                    services.uploads.append(upload)
                    services.note("head")
                }
            }
        ) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.send("PUT /take HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", on: loop)
            await services.wait(on: loop) { !$0.uploads.isEmpty }
            // Nobody has asked for the body yet.
            await loop.sleep(for: .seconds(5000))
            let upload = services.uploads.removeFirst()
            upload.receive(services, on: loop)
            await loop.sleep(for: .seconds(20))
            upload.exchange.pauseBody(on: loop)
            client.send("a", on: loop)
            await loop.sleep(for: .seconds(5000))
            upload.exchange.resumeBody(on: loop)
            await services.wait(on: loop) { _ in upload.text == "a" }
            #expect(upload.ends.isEmpty)
            // Ten seconds were left.
            let start = loop.now
            await services.wait(on: loop) { _ in !upload.ends.isEmpty }
            #expect(loop.now - start < .seconds(12))
            #expect(try await client.response(on: loop).status == 408)
        }
    }

    @Test(arguments: UInt64(1)...3)
    func peersThatNeverReadAreCutOff(_ seed: UInt64) throws {
        var options = HTTPServerOptions()
        options.idleTimeout = .seconds(60)
        try with(
            seed, options: options,
            routes: { router in
                router.on(.get, "/endless") { exchange, services, loop in
                    exchange.beginStreaming(on: loop)
                    let piece = [UInt8](repeating: 0x61, count: 10_000)
                    func produce(on loop: isolated EventLoop) {
                        while exchange.isWritable {
                            exchange.write(piece, on: loop)
                            services.sum += piece.count
                        }
                    }
                    exchange.onWritable { produce(on: loop) }
                    exchange.onDisconnect { services.note("gone") }
                    produce(on: loop)
                }
                router.onImmediate(.get, "/much") { request, services, loop in
                    HTTPResponse(body: .bytes([UInt8](repeating: 0x61, count: 4 << 20)))
                }
            }
        ) { server, services, address, loop in
            for path in ["/endless", "/much", "/much close"] {
                let client = try await Client.connect(to: address, on: loop)
                client.channel?.pauseReading(on: loop)
                let fields = path.hasSuffix("close") ? "Connection: close\r\n" : ""
                let target = path.split(separator: " ")[0]
                client.send("GET \(target) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n", on: loop)
                let start = loop.now
                while server.connectionCount == 0 { await loop.sleep(for: .milliseconds(1)) }
                while server.connectionCount > 0 { await loop.sleep(for: .seconds(1)) }
                let time = loop.now - start
                #expect(time > .seconds(59) && time < .seconds(130), "\(path): \(time)")
                client.channel?.abort(on: loop)
            }
            // What waited for the client was bounded by the water mark and the network's window.
            #expect(services.sum < 2 << 20)
            #expect(services.notes == ["gone"])
        }
    }

    @Test(arguments: UInt64(1)...3)
    func slowReadersGetEverything(_ seed: UInt64) throws {
        var options = HTTPServerOptions()
        options.idleTimeout = .seconds(60)
        try with(
            seed, options: options,
            routes: { router in
                router.onImmediate(.get, "/much") { request, services, loop in
                    HTTPResponse(body: .bytes([UInt8](repeating: 0x61, count: 4 << 20)))
                }
            }
        ) { server, services, address, loop in
            for fields in ["", "Connection: close\r\n"] {
                let client = try await Client.connect(to: address, on: loop)
                client.send("GET /much HTTP/1.1\r\nHost: x\r\n\(fields)\r\n", on: loop)
                var seen = -1
                while client.input.count < 4 << 20, !client.hasEnded {
                    #expect(client.input.count > seen, "nothing comes")
                    seen = client.input.count
                    client.channel?.pauseReading(on: loop)
                    await loop.sleep(for: .seconds(50))
                    client.channel?.resumeReading(on: loop)
                    let before = seen
                    await client.wait(on: loop) { $0.input.count > before || $0.hasEnded }
                }
                let time = loop.now
                let body = try await client.response(on: loop).body
                #expect(body.count == 4 << 20, "\(fields): \(time)")
            }
        }
    }

    @Test(arguments: UInt64(1)...3)
    func drainingHasADeadline(_ seed: UInt64) throws {
        try with(seed) { server, services, address, loop in
            var clients: [Client] = []
            for text in ["", "GET /hel", "GET /park HTTP/1.1\r\nHost: x\r\n\r\n"] {
                let client = try await Client.connect(to: address, on: loop)
                client.send(text, on: loop)
                clients.append(client)
            }
            await services.wait(on: loop) { !$0.parked.isEmpty }
            let start = loop.now
            await server.drain(timeout: .seconds(15), on: loop)
            let time = loop.now - start
            #expect(time > .seconds(14) && time < .seconds(17), "\(time)")
            for client in clients { await client.end(on: loop) }
            #expect(clients[0].input.isEmpty)
        }
    }
}

import Bytes
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

/// Streams the same piece again and again, as fast as the client takes it.
private final class Producer {
    private let exchange: HTTPExchange
    private let services: Services
    private let piece: SharedBytes
    private let count: Int
    private var sent = 0

    init(_ exchange: HTTPExchange, _ services: Services, _ piece: SharedBytes, count: Int) {
        self.exchange = exchange
        self.services = services
        self.piece = piece
        self.count = count
    }

    func produce(on loop: isolated EventLoop) {
        let piece = piece
        while sent < count, exchange.isWritable {
            exchange.write(piece.bytes, on: loop)
            sent += 1
        }
        if sent == count { exchange.finish(on: loop) }
        services.note("\(sent)")
    }
}

@Suite struct TimeAndLoadTests {
    private static let get = " HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test(arguments: backends)
    func slowRequestsAreCutOff(_ backend: EventLoop.Backend) throws {
        var options = HTTPServerOptions()
        options.headerTimeout = .milliseconds(30)
        options.bodyTimeout = .milliseconds(30)
        try withServer(backend, options: options) { server, services, address, loop in
            for start in [
                "GET /hello/a HTTP/1.1\r\nHost: x\r\n", "G", "\r\n",
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n123",
                "POST /none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1",
            ] {
                let client = try await Client.connect(to: address, on: loop)
                let answer = try await client.exchange(start, on: loop)
                #expect(answer.status == (start.contains("/none") ? 404 : 408))
                await client.end(on: loop)
            }
        }
    }

    @Test(arguments: backends)
    func dripsDoNotProlongAHead(_ backend: EventLoop.Backend) throws {
        var options = HTTPServerOptions()
        options.headerTimeout = .milliseconds(50)
        try withServer(backend, options: options) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.send("GET /hello/a HTTP/1.1\r\nHost: x\r\n", on: loop)
            while !client.hasEnded, client.input.isEmpty {
                client.send("A: b\r\n", on: loop)
                await loop.sleep(for: .milliseconds(5))
            }
            #expect(try await client.response(on: loop).status == 408)
        }
    }

    @Test(arguments: backends)
    func idleConnectionsCloseAndParkedOnesDoNot(_ backend: EventLoop.Backend) throws {
        var options = HTTPServerOptions()
        options.idleTimeout = .milliseconds(30)
        try withServer(backend, options: options) { server, services, address, loop in
            let parked = try await Client.connect(to: address, on: loop)
            parked.send("GET /park" + Self.get, on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            let silent = try await Client.connect(to: address, on: loop)
            await silent.end(on: loop)
            #expect(silent.input.isEmpty)
            let used = try await Client.connect(to: address, on: loop)
            _ = try await used.exchange("GET /hello/a" + Self.get, on: loop)
            await used.end(on: loop)
            services.parked.removeFirst().respond(.text("late"), on: loop)
            #expect(try await parked.response(on: loop).text == "late")
            await parked.end(on: loop)
        }
    }

    @Test(arguments: backends)
    func drainFinishesWhatIsUnderWay(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let idle = try await Client.connect(to: address, on: loop)
            _ = try await idle.exchange("GET /hello/a" + Self.get, on: loop)
            let busy = try await Client.connect(to: address, on: loop)
            busy.send("GET /park" + Self.get, on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            loop.spawn {
                await server.drain(timeout: .seconds(30), on: loop)
                services.note("drained")
            }
            await idle.end(on: loop)
            #expect(services.notes.isEmpty)
            services.parked.removeFirst().respond(.text("last"), on: loop)
            let answer = try await busy.response(on: loop)
            #expect(answer.text == "last")
            #expect(answer.headers["connection"] == "close")
            await services.wait(on: loop) { $0.notes == ["drained"] }
            #expect(server.connectionCount == 0)
            await #expect(throws: SystemError.self) {
                _ = try await Client.connect(to: address, on: loop)
            }
        }
    }

    @Test(.timeLimit(.minutes(2)), arguments: backends)
    func drainDoesNotWaitForIdleClientsToHangUp(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, _, address, loop in
            let patient = ListenerOptions(
                channel: ChannelOptions(lingerTimeout: .seconds(3600)))
            let listener = try server.listen(
                on: .loopback(port: 0), options: patient, loop)
            let idle = try await Client.connect(to: listener.localAddress, on: loop)
            idle.hangsUp = false
            _ = try await idle.exchange("GET /hello/a" + Self.get, on: loop)
            await server.drain(timeout: .seconds(3600), on: loop)
            await idle.end(on: loop)
            idle.channel?.close(on: loop)
        }
    }

    @Test(arguments: backends)
    func drainCutsOffWhatTakesTooLong(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            var clients: [Client] = []
            for _ in 0..<5 {
                let client = try await Client.connect(to: address, on: loop)
                client.send("GET /park" + Self.get, on: loop)
                clients.append(client)
            }
            await services.wait(on: loop) { $0.parked.count == 5 }
            for exchange in services.parked { exchange.onDisconnect { services.note("gone") } }
            await server.drain(timeout: .milliseconds(20), on: loop)
            #expect(server.connectionCount == 0)
            #expect(services.notes.count == 5)
            for client in clients { await client.end(on: loop) }
        }
    }

    @Test(arguments: backends)
    func streamsWaitForSlowClients(_ backend: EventLoop.Backend) throws {
        let piece = SharedBytes([UInt8](repeating: 0x61, count: 64 * 1024))
        let total = 400
        try withServer(
            backend,
            routes: { router in
                router.on(.get, "/much") { exchange, services, loop in
                    let producer = Producer(exchange, services, piece, count: total)
                    exchange.beginStreaming(on: loop)
                    exchange.onWritable { producer.produce(on: loop) }
                    producer.produce(on: loop)
                }
            }
        ) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.channel?.pauseReading(on: loop)
            client.send("GET /much" + Self.get, on: loop)
            await services.wait(on: loop) { !$0.notes.isEmpty }
            for _ in 0..<100 { await loop.sleep(for: .milliseconds(1)) }
            #expect(services.notes.last != "\(total)")
            client.channel?.resumeReading(on: loop)
            let expected = total * piece.count
            let last = Array("0\r\n\r\n".utf8)
            await client.wait(on: loop) { $0.input.suffix(5) == last[...] || $0.hasEnded }
            #expect(services.notes.last == "\(total)")
            #expect(client.input.count > expected)
        }
    }

    @Test(arguments: backends)
    func clientsThatDoNotReadGetNoFurtherAnswers(_ backend: EventLoop.Backend) throws {
        let body = [UInt8](repeating: 0x61, count: 1 << 20)
        try withServer(
            backend,
            routes: { router in
                router.onImmediate(.get, "/mebibyte") { request, services, loop in
                    services.note("served")
                    return HTTPResponse(body: .bytes(body))
                }
            }
        ) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.channel?.pauseReading(on: loop)
            client.send(String(repeating: "GET /mebibyte" + Self.get, count: 64), on: loop)
            await services.wait(on: loop) { !$0.notes.isEmpty }
            for _ in 0..<100 { await loop.sleep(for: .milliseconds(1)) }
            #expect(services.notes.count < 40)
            client.channel?.resumeReading(on: loop)
            for _ in 0..<64 {
                // Its own loop, since parsing the whole input again for every piece is slow.
                await client.wait(on: loop) { $0.input.count > 1 << 20 || $0.hasEnded }
                #expect(try await client.response(on: loop).body.count == 1 << 20)
            }
            #expect(services.notes.count == 64)
        }
    }

    @Test(arguments: backends)
    func clientsThatNeverReadAreCutOff(_ backend: EventLoop.Backend) throws {
        var options = HTTPServerOptions()
        options.idleTimeout = .milliseconds(40)
        try withServer(
            backend, options: options,
            routes: { router in
                router.onImmediate(.get, "/much") { request, services, loop in
                    HTTPResponse(body: .bytes([UInt8](repeating: 0x61, count: 32 << 20)))
                }
            }
        ) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.channel?.pauseReading(on: loop)
            client.send("GET /much" + Self.get, on: loop)
            await client.wait(on: loop) { $0.hasEnded }
            #expect(server.connectionCount == 0)
        }
    }

    @Test(arguments: backends)
    func noiseLeavesNothingBehind(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let before = loop.resourceCount
            var state: UInt64 = 7
            func random(_ bound: UInt64) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((state >> 33) % bound)
            }
            let texts = [
                "GET /hello/a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /park HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5\r\nhello\r\n",
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "0\r\n\r\n",
                "GET /drop HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n", "\0", "HEAD / HTTP/1.0\r\n\r\n",
            ]
            for _ in 0..<40 {
                var clients: [Client] = []
                for _ in 0..<10 { clients.append(try await Client.connect(to: address, on: loop)) }
                for _ in 0..<60 {
                    let client = clients[random(10)]
                    let text = Array(texts[random(UInt64(texts.count))].utf8)
                    client.send(
                        Array(text.prefix(random(2) == 0 ? text.count : random(40))), on: loop)
                    if random(3) == 0 { client.channel?.flush(on: loop) }
                    if random(20) == 0 { client.channel?.shutdownOutput(on: loop) }
                    if random(20) == 0 { client.channel?.abort(on: loop) }
                    if random(4) == 0 { await loop.sleep(for: .zero) }
                    if random(4) == 0, let exchange = services.parked.popLast() {
                        exchange.respond(.text("late"), on: loop)
                    }
                }
                services.parked = []
                for client in clients { client.channel?.abort(on: loop) }
            }
            while server.connectionCount > 0 {
                services.parked = []
                await loop.sleep(for: .milliseconds(1))
            }
            #expect(loop.resourceCount == before)
        }
    }
}

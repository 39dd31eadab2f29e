import Bytes
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

/// A handler's view of a body: what has come, and how it ended.
final class Uploading {
    let exchange: HTTPExchange
    var bytes: [UInt8] = []
    var pieces = 0
    var ends: [BodyFailure?] = []
    /// Runs with each piece.
    var onPiece: (() -> Void)?

    init(_ exchange: HTTPExchange) { self.exchange = exchange }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func receive(_ services: Services, on loop: isolated EventLoop) {
        exchange.receiveBody(on: loop) { piece in
            self.bytes += piece.array
            self.pieces += 1
            self.onPiece?()
            services.note("piece")
        } end: { failure in
            self.ends.append(failure)
            services.note("end")
        }
    }
}

@Suite struct UploadTests {
    private static let get = "GET /hello/a HTTP/1.1\r\nHost: x\r\n\r\n"

    private static func head(
        _ path: String, length: Int? = nil, expects: Bool = false, fields: String = ""
    ) -> String {
        "PUT \(path) HTTP/1.1\r\nHost: x\r\n" + (expects ? "Expect: 100-continue\r\n" : "") + fields
            + (length.map { "Content-Length: \($0)\r\n\r\n" }
                ?? "Transfer-Encoding: chunked\r\n\r\n")
    }

    /// `/take` receives and parks, `/park` only parks, `/sum` is a task, `/early` answers at once.
    private static func addRoutes(_ router: inout Router<Services>) {
        router.onStreaming(.put, "/park", bodyBytesMax: 1 << 30) { exchange, services, loop in
            services.uploads.append(Uploading(exchange))
            services.note("head")
        }
        router.onStreaming(.put, "/take", bodyBytesMax: 20) { exchange, services, loop in
            let upload = Uploading(exchange)
            services.uploads.append(upload)
            services.note("head")
            upload.receive(services, on: loop)
        }
        router.onStreaming(.put, "/early", bodyBytesMax: 1 << 30) { exchange, services, loop in
            exchange.respond(.text("early"), on: loop)
        }
        router.onStreaming(.put, "/dropped", bodyBytesMax: 1 << 30) { exchange, services, loop in }
        router.onStreamingAsync(.put, "/sum", bodyBytesMax: 1 << 30) {
            request, body, services, loop in
            var count = 0
            var sum: UInt64 = 0
            while let piece = try await body.next(on: loop) {
                count += piece.count
                for byte in piece { sum = sum &* 31 &+ UInt64(byte) }
                if count % 3 == 0 { await loop.yield() }
            }
            return .text("\(count) \(sum)")
        }
        router.onStreamingAsync(.put, "/first", bodyBytesMax: 1 << 30) {
            request, body, services, loop in
            services.bodies.append(body)
            let piece = try await body.next(on: loop) ?? []
            return .text("first of \(piece.isEmpty ? 0 : 1)")
        }
    }

    private func with(
        _ backend: EventLoop.Backend, options: HTTPServerOptions = HTTPServerOptions(),
        _ body:
            @escaping @Sendable (
                HTTPServer<Services>, Services, SocketAddress, isolated EventLoop
            ) async throws -> Void
    ) throws {
        try withServer(backend, options: options, routes: Self.addRoutes) {
            server, services, address, loop in
            defer {
                services.uploads = []
                services.bodies = []
            }
            try await body(server, services, address, loop)
        }
    }

    @Test(arguments: backends)
    func piecesComeBeforeTheBodyIsComplete(_ backend: EventLoop.Backend) throws {
        try with(backend) { server, services, address, loop in
            for isChunked in [false, true] {
                let client = try await Client.connect(to: address, on: loop)
                client.send(Self.head("/take", length: isChunked ? nil : 10), on: loop)
                await services.wait(on: loop) { $0.notes == ["head"] }
                let upload = services.uploads[0]
                client.send(isChunked ? "5\r\nhello\r\n" : "hello", on: loop)
                await services.wait(on: loop) { _ in upload.bytes.count == 5 }
                #expect(upload.ends.isEmpty)
                client.send(isChunked ? "5\r\nworld\r\n0\r\n\r\n" : "world", on: loop)
                // What is pipelined behind the body waits for the answer.
                client.send(Self.get, on: loop)
                await services.wait(on: loop) { _ in !upload.ends.isEmpty }
                #expect(upload.text == "helloworld")
                #expect(upload.ends == [nil])
                upload.exchange.respond(.text("thanks"), on: loop)
                #expect(try await client.response(on: loop).text == "thanks")
                #expect(try await client.response(on: loop).text == "hello a")
                services.uploads = []
                services.notes = []
            }
        }
    }

    @Test(arguments: backends)
    func tasksReadBodiesOfAnySize(_ backend: EventLoop.Backend) throws {
        try with(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for count in [0, 1, 70_000, 3_000_000] {
                let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
                var sum: UInt64 = 0
                for byte in body { sum = sum &* 31 &+ UInt64(byte) }
                client.send(Self.head("/sum", length: count), on: loop)
                client.send(body, on: loop)
                #expect(try await client.response(on: loop).text == "\(count) \(sum)")
                guard count > 0 else { continue }
                client.send(Self.head("/sum"), on: loop)
                for start in stride(from: 0, to: count, by: 50_000) {
                    let piece = body[start..<min(count, start + 50_000)]
                    client.send(String(piece.count, radix: 16) + "\r\n", on: loop)
                    client.send(Array(piece), on: loop)
                    client.send("\r\n", on: loop)
                }
                client.send("0\r\n\r\n", on: loop)
                #expect(try await client.response(on: loop).text == "\(count) \(sum)")
            }
            #expect(server.connectionCount == 1)
        }
    }

    @Test(arguments: backends)
    func pausedBodiesHoldTheClientBack(_ backend: EventLoop.Backend) throws {
        try with(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let count = 24 << 20
            client.send(Self.head("/park", length: count), on: loop)
            await services.wait(on: loop) { $0.notes == ["head"] }
            let upload = services.uploads[0]
            upload.onPiece = { upload.exchange.pauseBody(on: loop) }
            upload.receive(services, on: loop)
            client.send([UInt8](repeating: 0x61, count: count), on: loop)
            await services.wait(on: loop) { _ in upload.pieces == 1 }
            // Others' requests prove that the loop goes round while nothing of this body is read.
            let other = try await Client.connect(to: address, on: loop)
            for _ in 0..<50 { _ = try await other.exchange(Self.get, on: loop) }
            #expect(upload.pieces == 1)
            // What the kernel's buffers do not hold has to stay with the client.
            #expect((client.channel?.pendingBytes ?? 0) > count / 4)
            upload.onPiece = nil
            upload.exchange.resumeBody(on: loop)
            await services.wait(on: loop) { _ in !upload.ends.isEmpty }
            #expect(upload.bytes.count == count)
            upload.exchange.respond(.text("done"), on: loop)
            #expect(try await client.response(on: loop).text == "done")
            #expect(try await client.exchange(Self.get, on: loop).text == "hello a")
        }
    }

    @Test(arguments: backends)
    func continueIsSentWhenTheBodyIsAskedFor(_ backend: EventLoop.Backend) throws {
        try with(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.send(Self.head("/park", length: 2, expects: true), on: loop)
            await services.wait(on: loop) { $0.notes == ["head"] }
            let other = try await Client.connect(to: address, on: loop)
            _ = try await other.exchange(Self.get, on: loop)
            #expect(client.input.isEmpty)
            services.uploads[0].receive(services, on: loop)
            #expect(try await client.response(on: loop).status == 100)
            client.send("hi", on: loop)
            await services.wait(on: loop) { $0.notes.last == "end" }
            services.uploads[0].exchange.respond(.text("ok"), on: loop)
            #expect(try await client.response(on: loop).text == "ok")
            // The body is there already.
            client.send(Self.head("/sum", length: 2, expects: true) + "hi", on: loop)
            #expect(try await client.response(on: loop).text.hasPrefix("2 "))
            // Nobody asked for the body, and nobody knows whether it comes: the connection ends.
            client.send(Self.head("/early", length: 2, expects: true), on: loop)
            let answer = try await client.response(on: loop)
            #expect(answer.text == "early")
            #expect(answer.headers["connection"] == "close")
            await client.end(on: loop)
        }
    }

    @Test(arguments: backends)
    func earlyAnswersDiscardTheRestOrClose(_ backend: EventLoop.Backend) throws {
        try with(backend) { server, services, address, loop in
            for (path, text) in [("/early", "early"), ("/dropped", nil), ("/first", "first of 1")] {
                let client = try await Client.connect(to: address, on: loop)
                for isChunked in [false, true] {
                    let body = isChunked ? "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" : "abcde"
                    client.send(Self.head(path, length: isChunked ? nil : 5), on: loop)
                    client.send(body + Self.get, on: loop)
                    let answer = try await client.response(on: loop)
                    #expect(answer.status == (text == nil ? 500 : 200))
                    if let text { #expect(answer.text == text) }
                    #expect(try await client.response(on: loop).text == "hello a")
                }
                client.send(Self.head(path, length: 100_000) + "abc", on: loop)
                let answer = try await client.response(on: loop)
                #expect(answer.headers["connection"] == "close")
                await client.end(on: loop)
                // A chunked body does not say how long it will be.
                let other = try await Client.connect(to: address, on: loop)
                other.send(Self.head(path) + "3\r\nabc\r\n", on: loop)
                #expect(try await other.response(on: loop).headers["connection"] == nil)
                other.send("20000\r\n" + String(repeating: "a", count: 0x20000), on: loop)
                await other.end(on: loop)
                #expect(other.input.isEmpty)
            }
            // The body of a request that has been answered says so to whoever still asks.
            let body = try #require(services.bodies.last)
            await #expect(throws: BodyFailure.answered) {
                while try await body.next(on: loop) != nil {}
            }
        }
    }

    @Test(arguments: backends)
    func badBodiesAreRefusedAndTold(_ backend: EventLoop.Backend) throws {
        try with(backend) { server, services, address, loop in
            for (body, status, length) in [
                ("x", 400, nil), ("15\r\n012345678901234567890", 413, nil),
                ("5\r\n0123456", 400, nil), ("", 413, 21),
            ] {
                let client = try await Client.connect(to: address, on: loop)
                client.send(Self.head("/take", length: length) + body, on: loop)
                let answer = try await client.response(on: loop)
                #expect(answer.status == status)
                #expect(answer.headers["connection"] == "close")
                await client.end(on: loop)
                if length != nil {
                    #expect(services.uploads.isEmpty, "the handler was called")
                    continue
                }
                let upload = services.uploads.removeFirst()
                guard case .refused(let error) = upload.ends.first ?? nil, upload.ends.count == 1
                else {
                    Issue.record("ended with \(upload.ends)")
                    continue
                }
                #expect(Int(error.status.code) == status)
                #expect(upload.exchange.isAnswered)
            }
            let client = try await Client.connect(to: address, on: loop)
            client.send(Self.head("/sum") + "5\r\n0123456", on: loop)
            #expect(try await client.response(on: loop).status == 400)
            await client.end(on: loop)
        }
    }

    @Test(arguments: backends)
    func disconnectIsToldOnce(_ backend: EventLoop.Backend) throws {
        try with(backend) { server, services, address, loop in
            for leaving in ["close", "abort", "half", "paused"] {
                let client = try await Client.connect(to: address, on: loop)
                client.send(Self.head("/park", length: 20) + "abc", on: loop)
                await services.wait(on: loop) { !$0.uploads.isEmpty }
                let upload = services.uploads.removeFirst()
                upload.exchange.onDisconnect { services.note("gone") }
                upload.receive(services, on: loop)
                await services.wait(on: loop) { _ in upload.text == "abc" }
                if leaving == "paused" { upload.exchange.pauseBody(on: loop) }
                switch leaving {
                case "half": client.channel?.shutdownOutput(on: loop)
                case "close": client.channel?.close(on: loop)
                default: client.channel?.abort(on: loop)
                }
                // Nothing is read while paused, so the end need not be seen.
                if leaving == "paused" { upload.exchange.resumeBody(on: loop) }
                await services.wait(on: loop) { $0.notes.last == "gone" }
                #expect(upload.ends == [.disconnected])
                await client.end(on: loop)
                services.notes = []
            }
            while server.connectionCount > 0 { await loop.sleep(for: .milliseconds(1)) }
        }
    }

    @Test(arguments: backends)
    func bodiesOfOtherRoutesAreGivenAtOnce(_ backend: EventLoop.Backend) throws {
        try with(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.send(
                "POST /park HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            let upload = Uploading(services.parked.removeFirst())
            upload.receive(services, on: loop)
            #expect(upload.text == "abc")
            #expect(upload.ends == [nil])
            upload.exchange.respond(.text("ok"), on: loop)
            upload.receive(services, on: loop)
            #expect(upload.ends == [nil, .answered])
            #expect(try await client.response(on: loop).text == "ok")
        }
    }
}

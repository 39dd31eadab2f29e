import Bytes
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

private struct Refusal: Error {}

@Suite struct AnswerTests {
    private static let get = " HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test(arguments: backends)
    func disconnectIsToldOnce(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            for leaving in ["close", "abort", "half"] {
                let client = try await Client.connect(to: address, on: loop)
                client.send("GET /park" + Self.get, on: loop)
                await services.wait(on: loop) { !$0.parked.isEmpty }
                let exchange = services.parked.removeFirst()
                #expect(!exchange.isDisconnected)
                exchange.onDisconnect { services.note("never: it was replaced") }
                exchange.onDisconnect { services.note(leaving) }
                switch leaving {
                case "close": client.channel?.close(on: loop)
                case "abort": client.channel?.abort(on: loop)
                default: client.channel?.shutdownOutput(on: loop)
                }
                await services.wait(on: loop) { $0.notes.last == leaving }
                #expect(exchange.isDisconnected)
                exchange.onDisconnect { services.note("at once") }
                #expect(services.notes == [leaving, "at once"])
                services.notes = []
                // Too late, harmless, and for a client that is half there, not even useless.
                exchange.respond(.text("late"), on: loop)
                if leaving == "half" {
                    #expect(try await client.response(on: loop).text == "late")
                    await client.end(on: loop)
                }
                #expect(services.notes.isEmpty)
            }
        }
    }

    @Test(arguments: backends)
    func disconnectIsNotToldAfterTheAnswer(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.send("GET /park" + Self.get, on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            let exchange = services.parked.removeFirst()
            exchange.onDisconnect { services.note("gone") }
            exchange.respond(.text("a"), on: loop)
            exchange.respond(.text("b"), on: loop)
            #expect(try await client.response(on: loop).text == "a")
            client.channel?.abort(on: loop)
            while server.connectionCount > 0 { await loop.sleep(for: .milliseconds(1)) }
            #expect(services.notes.isEmpty)
            #expect(client.input.isEmpty)
        }
    }

    @Test(arguments: backends)
    func requestsBeforeTheEndOfInputAreAnswered(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let others = ["a", "b", "c"]
            client.send("GET /park" + Self.get, on: loop)
            for other in others { client.send("GET /hello/\(other)" + Self.get, on: loop) }
            client.channel?.shutdownOutput(on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            services.parked.removeFirst().respond(.text("late"), on: loop)
            #expect(try await client.response(on: loop).text == "late")
            for other in others {
                #expect(try await client.response(on: loop).text == "hello \(other)")
            }
            await client.end(on: loop)
        }
    }

    @Test(arguments: backends)
    func unansweredExchangesAnswerThemselves(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            #expect(try await client.exchange("GET /drop" + Self.get, on: loop).status == 500)
            client.send("GET /park" + Self.get, on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            services.parked = []
            #expect(try await client.response(on: loop).status == 500)
            #expect(try await client.exchange("GET /hello/a" + Self.get, on: loop).status == 200)
        }
    }

    @Test(arguments: backends)
    func asyncHandlersAnswerAndThrow(_ backend: EventLoop.Backend) throws {
        try withServer(
            backend,
            routes: { router in
                router.onAsync(.get, "/async/{what}") { request, services, loop in
                    await loop.sleep(for: .milliseconds(1))
                    if request.parameters["what"] == "throw" { throw Refusal() }
                    services.note("ran")
                    return .json(Array("{}".utf8), status: .created)
                }
            }
        ) { server, services, address, loop in
            server.errorRenderer = { error, request in
                let code = (error as? HTTPError)?.status ?? .forbidden
                return .json(Array("{\"errcode\":\"M_\(type(of: error))\"}".utf8), status: code)
            }
            let client = try await Client.connect(to: address, on: loop)
            let good = try await client.exchange("GET /async/a" + Self.get, on: loop)
            #expect(good.status == 201)
            #expect(good.headers["content-type"] == "application/json")
            #expect(services.notes == ["ran"])
            let bad = try await client.exchange("GET /async/throw" + Self.get, on: loop)
            #expect(bad.status == 403)
            #expect(bad.text == "{\"errcode\":\"M_Refusal\"}")
            let none = try await client.exchange("GET /none" + Self.get, on: loop)
            #expect(none.status == 404)
            #expect(none.text == "{\"errcode\":\"M_HTTPError\"}")
        }
    }

    @Test(arguments: backends)
    func sharedPiecesMakeOneAnswer(_ backend: EventLoop.Backend) throws {
        let fields = PrerenderedFields(["Content-Type": "application/json", "Content-Length": "1"])
        try withServer(
            backend,
            routes: { router in
                router.on(.get, "/shared") { exchange, services, loop in
                    let (open, close) = (SharedBytes("[1"), SharedBytes("]"))
                    exchange.respond(fields: fields, contentLength: 5, on: loop) { writer in
                        writer.write(open, on: loop)
                        writer.write(Array(",2".utf8).span.bytes, on: loop)
                        writer.write(close, on: loop)
                    }
                }
                router.onImmediate(.get, "/pieces") { request, services, loop in
                    HTTPResponse(body: .pieces([SharedBytes("ab"), SharedBytes("c")]))
                }
                router.onImmediate(.get, "/large") { request, services, loop in
                    HTTPResponse(body: .bytes([UInt8](repeating: 0x61, count: 300_000)))
                }
            }
        ) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for _ in 0..<2 {
                let answer = try await client.exchange("GET /shared" + Self.get, on: loop)
                #expect(answer.text == "[1,2]")
                #expect(answer.headers["content-type"] == "application/json")
                #expect(try await client.exchange("GET /pieces" + Self.get, on: loop).text == "abc")
                let large = try await client.exchange("GET /large" + Self.get, on: loop)
                #expect(large.body.count == 300_000)
                for (path, length) in [("/shared", "5"), ("/pieces", "3"), ("/large", "300000")] {
                    client.send("HEAD \(path)" + Self.get, on: loop)
                    let head = try await client.response(head: true, on: loop)
                    #expect(head.headers["content-length"] == length)
                }
            }
            #expect(client.input.isEmpty)
        }
    }

    @Test(arguments: backends)
    func streamsAreChunked(_ backend: EventLoop.Backend) throws {
        try withServer(
            backend,
            routes: { router in
                router.on(.get, "/stream") { exchange, services, loop in
                    exchange.beginStreaming(headers: ["X": "y"], on: loop)
                    exchange.write(Array("hello ".utf8), on: loop)
                    exchange.write([], on: loop)
                    loop.schedule(after: .zero) {
                        exchange.write([UInt8](repeating: 0x61, count: 1000), on: loop)
                        exchange.finish(on: loop)
                        exchange.write(Array("too late".utf8), on: loop)
                    }
                }
                router.on(.get, "/broken") { exchange, services, loop in
                    exchange.beginStreaming(on: loop)
                    exchange.write(Array("hello ".utf8), on: loop)
                }
            }
        ) { server, services, address, loop in
            let expected = "hello " + String(repeating: "a", count: 1000)
            let client = try await Client.connect(to: address, on: loop)
            for _ in 0..<2 {
                let answer = try await client.exchange("GET /stream" + Self.get, on: loop)
                #expect(answer.headers["transfer-encoding"] == "chunked")
                #expect(answer.headers["x"] == "y")
                #expect(answer.text == expected)
            }
            client.send("HEAD /stream" + Self.get, on: loop)
            #expect(try await client.response(head: true, on: loop).status == 200)
            #expect(
                try await client.exchange("GET /hello/a" + Self.get, on: loop).text == "hello a")
            let old = try await Client.connect(to: address, on: loop)
            let answer = try await old.exchange("GET /stream HTTP/1.0\r\n\r\n", on: loop)
            #expect(answer.headers["transfer-encoding"] == nil)
            #expect(answer.text == expected)
            // A stream that is abandoned must not look like one that ended.
            client.send("GET /broken" + Self.get, on: loop)
            await client.end(on: loop)
            #expect(parse(client.input, ended: true, head: false) == nil)
        }
    }

    @Test(arguments: backends)
    func streamsOfKnownLengthSaySo(_ backend: EventLoop.Backend) throws {
        try withServer(
            backend,
            routes: { router in
                router.on(.get, "/known/{pieces}") { exchange, services, loop in
                    exchange.beginStreaming(contentLength: 30, on: loop)
                    let pieces = Int(exchange.request.parameters.text("pieces")) ?? 0
                    for _ in 0..<pieces { exchange.write(Array("0123456789".utf8), on: loop) }
                    exchange.finish(on: loop)
                }
            }
        ) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for _ in 0..<2 {
                let answer = try await client.exchange("GET /known/3" + Self.get, on: loop)
                #expect(answer.headers["content-length"] == "30")
                #expect(answer.headers["transfer-encoding"] == nil)
                #expect(answer.body.count == 30)
                client.send("HEAD /known/3" + Self.get, on: loop)
                let head = try await client.response(head: true, on: loop)
                #expect(head.headers["content-length"] == "30")
            }
            let old = try await client.exchange(
                "GET /known/3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", on: loop)
            #expect(old.headers["connection"] == "keep-alive")
            // Too little and too much must not be taken for an answer.
            for pieces in [2, 4] {
                let client = try await Client.connect(to: address, on: loop)
                client.send("GET /known/\(pieces)" + Self.get, on: loop)
                await client.end(on: loop)
                #expect(parse(client.input, ended: false, head: false) == nil)
            }
        }
    }

    @Test(arguments: backends)
    func statusesWithoutBodiesHaveNone(_ backend: EventLoop.Backend) throws {
        try withServer(
            backend,
            routes: { router in
                router.onImmediate(.get, "/none/{code}") { request, services, loop in
                    let code = Int(request.parameters.text("code")) ?? 500
                    return HTTPResponse(HTTPStatus(code), body: .bytes([1, 2, 3]))
                }
            }
        ) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for code in [204, 304] {
                client.send("GET /none/\(code)" + Self.get, on: loop)
                let answer = try await client.response(head: true, on: loop)
                #expect(answer.status == code)
                #expect(answer.headers["content-length"] == nil)
            }
            #expect(try await client.exchange("GET /hello/a" + Self.get, on: loop).status == 200)
        }
    }

    @Test(arguments: backends)
    func everyRequestIsReportedOnce(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            server.requestFinished = { report in
                let target = report.request.map { "\($0.method) \($0.target)" } ?? "?"
                services.note(
                    "\(target) \(report.route ?? "-") \(report.status?.code ?? 0) "
                        + "\(report.responseBytes > 0) \(report.duration < .seconds(60))")
            }
            let client = try await Client.connect(to: address, on: loop)
            _ = try await client.exchange("GET /hello/a" + Self.get, on: loop)
            _ = try await client.exchange("GET /none" + Self.get, on: loop)
            _ = try await client.exchange("GET /drop" + Self.get, on: loop)
            _ = try await client.exchange("BAD\r\n", on: loop)
            let careless = try await Client.connect(to: address, on: loop)
            let blank = "GET /hello/a HTTP/1.1\r\nHost : x\r\n\r\n"
            _ = try await careless.exchange(blank, on: loop)
            let other = try await Client.connect(to: address, on: loop)
            other.send("GET /park" + Self.get, on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            services.parked[0].onDisconnect { services.parked = [] }
            other.channel?.abort(on: loop)
            await services.wait(on: loop) { $0.notes.count == 6 }
            #expect(
                services.notes == [
                    "GET /hello/a /hello/{name} 200 true true", "GET /none - 404 true true",
                    "GET /drop /drop 500 true true", "? - 400 true true",
                    "GET /hello/a - 400 true true",
                    "GET /park /park 0 false true",
                ])
        }
    }
}

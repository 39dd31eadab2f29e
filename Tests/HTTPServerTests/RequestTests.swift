import Bytes
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@Suite struct RequestTests {
    @Test(arguments: backends)
    func connectionStaysForFurtherRequests(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for name in ["a", "b%20c", "d"] {
                let answer = try await client.exchange(
                    "GET /hello/\(name) HTTP/1.1\r\nHost: x\r\n\r\n", on: loop)
                #expect(answer.status == 200)
                #expect(answer.text == (name == "b%20c" ? "hello b c" : "hello \(name)"))
                #expect(answer.headers["content-length"] == "\(answer.body.count)")
                #expect(answer.headers["date"]?.hasSuffix("GMT") == true)
                #expect(answer.headers["connection"] == nil)
            }
            #expect(server.connectionCount == 1)
        }
    }

    @Test(arguments: backends)
    func connectionClosesWhenAsked(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            for line in [
                "GET /hello/a HTTP/1.1\r\nHost: x\r\nConnection: close", "GET /hello/a HTTP/1.0",
            ] {
                let client = try await Client.connect(to: address, on: loop)
                let answer = try await client.exchange(line + "\r\n\r\n", on: loop)
                #expect(answer.text == "hello a")
                #expect(answer.headers["connection"] == "close")
                await client.end(on: loop)
            }
            let client = try await Client.connect(to: address, on: loop)
            let request = "GET /hello/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
            for _ in 0..<2 {
                let answer = try await client.exchange(request, on: loop)
                #expect(answer.headers["connection"] == "keep-alive")
            }
        }
    }

    @Test(arguments: backends)
    func pipelinedRequestsAreAnsweredInOrder(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let requests = (0..<50).map { number in
                number % 3 == 0
                    ? "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n\(10 + number)"
                    : "GET /hello/\(number) HTTP/1.1\r\nHost: x\r\n\r\n"
            }
            client.send(requests.joined(), on: loop)
            for number in 0..<50 {
                let answer = try await client.response(on: loop)
                #expect(answer.text == (number % 3 == 0 ? "\(10 + number)" : "hello \(number)"))
            }
        }
    }

    @Test(arguments: backends)
    func requestsBehindAParkedOneWait(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.send(
                "GET /park HTTP/1.1\r\nHost: x\r\n\r\nGET /hello/a HTTP/1.1\r\nHost: x\r\n\r\n",
                on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            client.send("GET /hello/b HTTP/1.1\r\nHost: x\r\n\r\n", on: loop)
            // Another client's request proves that the loop has gone round.
            let other = try await Client.connect(to: address, on: loop)
            _ = try await other.exchange("GET /hello/c HTTP/1.1\r\nHost: x\r\n\r\n", on: loop)
            #expect(client.input.isEmpty)
            services.parked.removeFirst().respond(.text("late"), on: loop)
            for expected in ["late", "hello a", "hello b"] {
                #expect(try await client.response(on: loop).text == expected)
            }
        }
    }

    @Test(arguments: backends)
    func pipelinedInputIsBounded(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let count = 30_000
            let request =
                "GET /hello/a HTTP/1.1\r\nHost: x\r\nX: "
                + String(repeating: "y", count: 1000) + "\r\n\r\n"
            client.send("GET /park HTTP/1.1\r\nHost: x\r\n\r\n", on: loop)
            client.send(String(repeating: request, count: count), on: loop)
            await services.wait(on: loop) { !$0.parked.isEmpty }
            // What the kernel's buffers do not hold has to stay with the client.
            for _ in 0..<200 { await loop.sleep(for: .milliseconds(1)) }
            #expect((client.channel?.pendingBytes ?? 0) > 0)
            services.parked.removeFirst().respond(.text("late"), on: loop)
            await client.wait(on: loop) { $0.input.count > count * 100 || $0.hasEnded }
            for index in 0...200 {
                #expect(
                    try await client.response(on: loop).text == (index == 0 ? "late" : "hello a"))
            }
        }
    }

    @Test(arguments: backends)
    func bodiesComeFixedOrInChunks(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let big = String(repeating: "0123456789", count: 50_000)
            let fixed = try await client.exchange(
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: \(big.utf8.count)\r\n\r\n\(big)",
                on: loop)
            #expect(fixed.text == big)
            #expect(fixed.headers["content-type"] == "a/b")
            client.send(
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5;a=b\r\nhello",
                on: loop)
            client.channel?.flush(on: loop)
            client.send("\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n", on: loop)
            #expect(try await client.response(on: loop).text == "hello world")
        }
    }

    @Test(arguments: backends)
    func continueIsSentWhenTheBodyIsWanted(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let head = { (path: String, length: Int) in
                "POST \(path) HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                    + "Content-Length: \(length)\r\n\r\n"
            }
            #expect(try await client.exchange(head("/echo", 2), on: loop).status == 100)
            #expect(try await client.exchange("hi", on: loop).text == "hi")
            // The body is there already.
            #expect(try await client.exchange(head("/echo", 2) + "ho", on: loop).text == "ho")
            for (path, length, status) in [
                ("/nowhere", 2, 404), ("/small", 11, 413), ("/hello/a", 2, 405),
            ] {
                let client = try await Client.connect(to: address, on: loop)
                let answer = try await client.exchange(head(path, length), on: loop)
                #expect(answer.status == status)
                #expect(answer.headers["connection"] == "close")
                await client.end(on: loop)
            }
        }
    }

    @Test(arguments: backends)
    func bodiesOverTheRoutesLimitAreRefused(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let post = "POST /small HTTP/1.1\r\nHost: x\r\n"
            let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
            for (request, status) in [
                (post + "Content-Length: 10\r\n\r\n0123456789", 200),
                (post + "Content-Length: 11\r\n\r\n0123456789a", 413),
                (post + "Content-Length: 99999999999\r\n\r\n", 413),
                (chunked + "a\r\n0123456789\r\n0\r\n\r\n", 200),
                (chunked + "6\r\n012345\r\n5\r\n01234\r\n0\r\n\r\n", 413),
            ] {
                let client = try await Client.connect(to: address, on: loop)
                #expect(try await client.exchange(request, on: loop).status == status)
                if status == 413 { await client.end(on: loop) }
            }
        }
    }

    @Test(arguments: backends)
    func refusedRequestsWithSmallBodiesKeepTheConnection(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let answer = try await client.exchange(
                "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /", on: loop)
            #expect(answer.status == 404)
            let next = try await client.exchange(
                "GET /hello/a HTTP/1.1\r\nHost: x\r\n\r\n", on: loop)
            #expect(next.text == "hello a")
            client.send(
                "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", on: loop)
            #expect(try await client.response(on: loop).status == 404)
            await client.end(on: loop)
        }
    }

    @Test(arguments: backends)
    func malformedRequestsAreAnsweredAndTheConnectionCloses(_ backend: EventLoop.Backend) throws {
        let long = String(repeating: "a", count: 40_000)
        let table: [(String, Int)] = [
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/2.0\r\n\r\n", 505),
            ("\u{16}\u{3}\u{1}", 400), ("GET /\(long)", 414),
            ("GET / HTTP/1.1\r\nA: \(long)", 431), ("GET / HTTP/1.1\nHost: a\n\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
            ("GET /hello/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400),
            ("GET /hello/%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400),
        ]
        try withServer(backend) { server, services, address, loop in
            for (request, status) in table {
                let client = try await Client.connect(to: address, on: loop)
                let answer = try await client.exchange(request, on: loop)
                #expect(answer.status == status)
                #expect(answer.headers["connection"] == "close")
                await client.end(on: loop)
            }
        }
    }

    @Test(arguments: backends)
    func errorAfterGoodRequestsComesBehindTheirAnswers(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.send("GET /hello/a HTTP/1.1\r\nHost: x\r\n\r\nGET  HTTP\r\n\r\n", on: loop)
            #expect(try await client.response(on: loop).text == "hello a")
            #expect(try await client.response(on: loop).status == 400)
            await client.end(on: loop)
        }
    }

    @Test(arguments: backends)
    func worksOverUnixSockets(_ backend: EventLoop.Backend) throws {
        try withServer(backend) { server, services, address, loop in
            let path = "/tmp/http-\(UInt32.random(in: 0 ... .max)).sock"
            let listener = try server.listen(on: .unix(path: path), loop)
            let client = try await Client.connect(to: listener.localAddress, on: loop)
            let answer = try await client.exchange("GET /hello/u HTTP/1.0\r\n\r\n", on: loop)
            #expect(answer.text == "hello u")
            listener.close(on: loop)
        }
    }
}

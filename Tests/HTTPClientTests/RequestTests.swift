import Bytes
import HTTPClient
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@Suite("Requests and responses")
struct RequestTests {
    @Test("a response comes with status, fields in order and body", arguments: backends)
    func get(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let heads = Heads()
            let answer =
                "HTTP/1.1 201 Created\r\nX-B: 1\r\nx-a: two words \r\nX-B:3\r\nContent-Length: 2\r\n\r\nok"
            let address = try loop.listen(answering(answer, heads, on: loop))
            let client = try HTTPClient(on: loop)
            var request = HTTPClientRequest(.get, "http://\(address)/a/../b?c=%20#fragment")
            request.headers.append("X-Empty", "")
            request.headers.append("X-Twice", "1")
            request.headers.append("X-Twice", "2")
            request.headers.append("Content-Length", "7")
            let response = try await client.send(request, on: loop)
            #expect(response.status.code == 201)
            #expect(response.text == "ok")
            #expect(response.headers.map(\.name) == ["X-B", "x-a", "X-B", "Content-Length"])
            #expect(response.headers["X-A"] == "two words")
            #expect(response.headers.values("x-b") == ["1", "3"])
            #expect(response.head.url == "http://\(address)/a/../b?c=%20")
            let lines = try #require(heads.list.first).split(separator: "\r\n").map(String.init)
            #expect(lines[0] == "GET /a/../b?c=%20 HTTP/1.1")
            #expect(lines.contains("Host: \(address)"))
            #expect(lines.contains("User-Agent: beamline"))
            #expect(lines.contains("Accept-Encoding: gzip, deflate"))
            #expect(lines.contains("X-Empty:"))
            #expect(lines.filter { $0.hasPrefix("X-Twice") } == ["X-Twice: 1", "X-Twice: 2"])
            #expect(!lines.contains { $0.hasPrefix("Content-") || $0.hasPrefix("Expect") })
            client.close(on: loop)
        }
    }

    @Test("bodies go out and come back with every method", arguments: backends)
    func bodies(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            for method in [HTTPMethod.post, .put, .patch, .delete] {
                for size in [0, 1, 70_000, 3 << 20] {
                    let bytes = pattern(size)
                    let body: HTTPClientBody =
                        size == 1 ? .shared(SharedBytes(bytes)) : .bytes(bytes)
                    let request = HTTPClientRequest(method, stage.url("/echo"), body: body)
                    let response = try await stage.client.send(request, on: loop)
                    #expect(response.status == .ok)
                    let isSame = response.body == bytes
                    #expect(isSame, "\(method) of \(size) bytes")
                    #expect(response.headers["Content-Type"] == "none")
                }
            }
            #expect(stage.client.connectionCount == 1)
            #expect(stage.notes.lines.count == 16)
        }
    }

    @Test("HEAD and empty POST are framed right, and the connection goes on", arguments: backends)
    func framing(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let heads = Heads()
            let address = try loop.listen { peer, channel in
                while let head = peer.takeHead() {
                    heads.list.append(head)
                    let length = head.hasPrefix("HEAD") ? 1_000_000 : 0
                    channel.write(
                        Array("HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n".utf8),
                        on: loop)
                }
            }
            let client = try HTTPClient(on: loop)
            for method in [HTTPMethod.head, .post, .put, .get, .other("PURGE"), .options] {
                var request = HTTPClientRequest(method, "http://\(address)/")
                request.bodyBytesMax = 10
                let response = try await client.send(request, on: loop)
                #expect(response.status == .ok)
                #expect(response.body.isEmpty)
            }
            #expect(
                heads.list.map { $0.split(separator: " ")[0] } == [
                    "HEAD", "POST", "PUT", "GET", "PURGE", "OPTIONS",
                ])
            let announced = heads.list.map { $0.contains("Content-Length: 0") }
            #expect(announced == [false, true, true, false, false, false])
            #expect(client.connectionCount == 1)
            client.close(on: loop)
        }
    }

    @Test(
        "what no request should hold is refused before anything is sent",
        arguments: [
            "", "example.org", "/path", "ftp://example.org/", "file:///etc/passwd", "http://",
            "http:///path", "http://a b/", "http://exa\nmple/", "http://host/pa th",
            "http://host/\r\nX: y", "http://host:99999/", "http://[::1/", "smtp://mail/",
            "http://hö/",
        ])
    func malformed(url: String) throws {
        try onLoop(.epoll) { loop in
            let client = try HTTPClient(on: loop)
            let error = try await failure {
                _ = try await client.send(HTTPClientRequest(.get, url), on: loop)
            }
            #expect(error.code == .invalidRequest, "\(error)")
            #expect(client.runningCount == 0)
            client.close(on: loop)
        }
    }

    @Test("methods that are no tokens, CONNECT, and HEAD with a body are refused")
    func methods() throws {
        try onLoop(.epoll) { loop in
            let client = try HTTPClient(on: loop)
            for method in [HTTPMethod.other(""), .other("A B"), .other("A\r\nB"), .connect] {
                let error = try await failure {
                    let request = HTTPClientRequest(method, "http://127.0.0.1/")
                    _ = try await client.send(request, on: loop)
                }
                #expect(error.code == .invalidRequest)
            }
            let error = try await failure {
                let request = HTTPClientRequest(.head, "http://127.0.0.1/", body: .bytes([1]))
                _ = try await client.send(request, on: loop)
            }
            #expect(error.code == .invalidRequest)
            client.close(on: loop)
        }
    }

    @Test("credentials of a URL become a field and are shown nowhere", arguments: backends)
    func credentials(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            let url = "http://user:s%40cret@127.0.0.1:\(stage.address.port ?? 0)/headers"
            let response = try await stage.client.send(HTTPClientRequest(.get, url), on: loop)
            // user:s@cret
            #expect(response.text.contains("Authorization: Basic dXNlcjpzQGNyZXQ="))
            #expect(!response.head.url.contains("cret"))
            let error = try await failure {
                let request = HTTPClientRequest(.get, "http://user:s%40cret@127.0.0.1:1/")
                _ = try await stage.client.send(request, on: loop)
            }
            #expect(error.code == .connectFailed)
            #expect(!"\(error)".contains("cret"))
            #expect(error.server == "http://127.0.0.1:1")
        }
    }

    @Test(
        "interim responses are passed over; folded and trailing fields are understood",
        arguments: backends)
    func oddities(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let answer =
                "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\n 2\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: y\r\n\r\n"
            let address = try loop.listen(answering(answer, on: loop))
            let client = try HTTPClient(on: loop)
            for _ in 0..<2 {
                let response = try await client.send(
                    HTTPClientRequest(.get, "http://\(address)/"), on: loop)
                #expect(response.text == "abc")
                #expect(response.headers["A"] == "1 2")
                #expect(response.headers["Link"] == nil)
                #expect(response.headers["Trailer"] == nil)
            }
            #expect(client.connectionCount == 1)
            client.close(on: loop)
        }
    }

    @Test(
        "what is not HTTP, and what ends early, is an error",
        arguments: [
            ("", .connectionLost), ("SSH-2.0-x\r\n", .invalidResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", .connectionLost),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", .connectionLost),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", .connectionLost),
        ] as [(String, HTTPClientError.Code)])
    func broken(answer: String, code: HTTPClientError.Code) throws {
        for backend in backends {
            try onLoop(backend) { loop in
                let address = try loop.listen { peer, channel in
                    guard peer.takeHead() != nil else { return }
                    channel.write(Array(answer.utf8), on: loop)
                    channel.close(on: loop)
                }
                let client = try HTTPClient(on: loop)
                let error = try await failure {
                    _ = try await client.send(
                        HTTPClientRequest(.get, "http://\(address)/"), on: loop)
                }
                #expect(error.code == code, "\(error)")
                client.close(on: loop)
            }
        }
    }

    @Test("a name without an address, and a port where nobody listens", arguments: backends)
    func nobody(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let client = try HTTPClient(on: loop)
            let unknown = try await failure {
                _ = try await client.send(
                    HTTPClientRequest(.get, "http://no-such-host.invalid/"), on: loop)
            }
            #expect(unknown.code == .nameNotResolved, "\(unknown)")
            let refused = try await failure {
                _ = try await client.send(HTTPClientRequest(.get, "http://127.0.0.1:1/"), on: loop)
            }
            #expect(refused.code == .connectFailed, "\(refused)")
            #expect(client.connectionCount == 0)
            client.close(on: loop)
        }
    }
}

import HTTPClient
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@Suite("Redirects")
struct RedirectTests {
    @Sendable private static func routes(_ router: inout Router<Notes>) {
        for method in [HTTPMethod.get, .post, .put, .delete] {
            router.onImmediate(method, "/go/{status}/{target}") { request, notes, loop in
                let status = HTTPStatus(Int(request.parameters.text("status")) ?? 0)
                let target = request.parameters.text("target")
                return HTTPResponse(
                    status, headers: ["Location": target],
                    body: .bytes(pattern(target == "/huge" ? 5_000_000 : 10)))
            }
            router.onImmediate(method, "/seen") { request, notes, loop in
                let fields = ["Authorization", "Cookie", "Content-Type", "X-Own"].map {
                    "\($0)=\(request.headers[$0] ?? "-")"
                }
                return .text(
                    "\(request.method.name) \(request.body.count) "
                        + fields.joined(separator: " "))
            }
            router.onImmediate(method, "/huge") { request, notes, loop in .text("there") }
        }
        router.onImmediate(.get, "/loop") { request, notes, loop in
            notes.requests += 1
            return HTTPResponse(.found, headers: ["Location": "/loop"])
        }
    }

    private static func request(_ method: HTTPMethod, _ url: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(method, url)
        request.headers = [
            "Authorization": "Bearer x", "Cookie": "a=b", "X-Own": "1", "Content-Type": "t/p",
        ]
        if method == .post || method == .put { request.body = .bytes([1, 2, 3]) }
        return request
    }

    @Test("without a policy a redirect is a response", arguments: backends)
    func none(backend: EventLoop.Backend) throws {
        try withStage(backend, routes: Self.routes) { stage, loop in
            let response = try await stage.get("/go/302/%2Fseen", on: loop)
            #expect(response.status.code == 302)
            #expect(response.headers["Location"] == "/seen")
            #expect(response.body.count == 10)
        }
    }

    @Test("methods and bodies change as they should", arguments: backends)
    func methods(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.redirects = .follow(upTo: 5)
        try withStage(backend, options: options, routes: Self.routes) { stage, loop in
            let all = "Authorization=Bearer x Cookie=a=b Content-Type=t/p X-Own=1"
            let bare = "Authorization=Bearer x Cookie=a=b Content-Type=- X-Own=1"
            let cases: [(HTTPMethod, Int, String)] = [
                (.get, 301, "GET 0 \(all)"), (.get, 302, "GET 0 \(all)"),
                (.get, 303, "GET 0 \(all)"), (.get, 308, "GET 0 \(all)"),
                (.post, 301, "GET 0 \(bare)"), (.post, 302, "GET 0 \(bare)"),
                (.post, 303, "GET 0 \(bare)"), (.post, 307, "POST 3 \(all)"),
                (.post, 308, "POST 3 \(all)"), (.put, 301, "PUT 3 \(all)"),
                (.put, 303, "GET 0 \(bare)"), (.put, 307, "PUT 3 \(all)"),
                (.delete, 302, "DELETE 0 \(all)"),
            ]
            for (method, status, seen) in cases {
                let request = Self.request(method, stage.url("/go/\(status)/%2Fseen"))
                let response = try await stage.client.send(request, on: loop)
                #expect(response.text == seen, "\(method) \(status)")
                #expect(response.head.url == stage.url("/seen"))
                #expect(response.head.redirectCount == 1)
            }
            #expect(stage.client.connectionCount == 1)
            let head = Self.request(.head, stage.url("/go/303/%2Fseen"))
            let answer = try await stage.client.send(head, on: loop)
            #expect(answer.status == .ok)
            // The body of a redirect is passed over, or given up if it is long.
            let there = try await stage.get("/go/302/%2Fhuge", on: loop)
            #expect(there.text == "there")
        }
    }

    @Test("a streamed body cannot be sent again, but can be left out", arguments: backends)
    func streamed(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.redirects = .follow(upTo: 5)
        try withStage(backend, options: options, routes: Self.routes) { stage, loop in
            for status in [303, 307] {
                let body = HTTPClientBody.stream(length: 3) { upload in
                    upload.write([1, 2, 3], on: loop)
                    upload.finish(on: loop)
                }
                let request = HTTPClientRequest(
                    .post, stage.url("/go/\(status)/%2Fseen"), body: body)
                guard status == 307 else {
                    let response = try await stage.client.send(request, on: loop)
                    #expect(response.text.hasPrefix("GET 0"))
                    continue
                }
                let error = try await failure {
                    _ = try await stage.client.send(request, on: loop)
                }
                #expect(error.code == .redirectRefused)
                #expect(error.message.contains("streamed"))
            }
        }
    }

    @Test("other hosts see no credentials unless the policy says so", arguments: backends)
    func credentials(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.redirects = .follow(upTo: 5)
        try withStage(backend, options: options, routes: Self.routes) { stage, loop in
            let port = stage.address.port ?? 0
            let target = "http:%2F%2Flocalhost:\(port)%2Fseen"
            var request = Self.request(.get, stage.url("/go/302/\(target)"))
            let response = try await stage.client.send(request, on: loop)
            #expect(response.text == "GET 0 Authorization=- Cookie=- Content-Type=t/p X-Own=1")
            var policy = RedirectPolicy.follow(upTo: 1)
            policy.keepsCredentials = true
            request.redirects = policy
            let kept = try await stage.client.send(request, on: loop)
            #expect(kept.text.hasPrefix("GET 0 Authorization=Bearer x Cookie=a=b"))
            // Back at the first host they stay lost.
            let home = "http:%252F%252F127.0.0.1:\(port)%252Fseen"
            let there = "http:%2F%2Flocalhost:\(port)%2Fgo%2F302%2F\(home)"
            let back = try await stage.client.send(
                Self.request(.get, stage.url("/go/302/\(there)")), on: loop)
            #expect(back.text.hasPrefix("GET 0 Authorization=- Cookie=-"))
            #expect(back.head.redirectCount == 2)
        }
    }

    @Test("too many, another scheme, and nonsense are refused", arguments: backends)
    func refused(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.redirects = .follow(upTo: 4)
        try withStage(backend, options: options, routes: Self.routes) { stage, loop in
            let endless = try await failure { _ = try await stage.get("/loop", on: loop) }
            #expect(endless.code == .redirectRefused)
            #expect(endless.message.contains("more than 4"))
            #expect(stage.notes.requests == 5)
            for (target, reason) in [
                ("https:%2F%2F127.0.0.1%2F", "from http to https"),
                ("ftp:%2F%2F127.0.0.1%2F", "neither http nor https"),
                ("file:%2F%2F%2Fetc%2Fpasswd", "cannot go"), ("http:%2F%2Fa%20b%2F", "blank"),
                ("gopher:%2F%2F127.0.0.1%2F", "neither http nor https"),
            ] {
                let error = try await failure {
                    _ = try await stage.get("/go/302/\(target)", on: loop)
                }
                #expect(error.code == .redirectRefused)
                #expect(error.message.contains(reason), "\(error)")
            }
        }
    }

    @Test("a streamed response is told once, from where the redirects lead", arguments: backends)
    func handler(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.redirects = .follow(upTo: 4)
        try withStage(backend, options: options, routes: Self.routes) { stage, loop in
            let recorder = Recorder()
            let request = HTTPClientRequest(.get, stage.url("/go/302/%2Fseen"))
            try stage.client.start(request, handler: recorder, on: loop)
            await recorder.end(on: loop)
            #expect(recorder.error == nil)
            #expect(recorder.head?.status == .ok)
            let text = String(decoding: recorder.bytes, as: UTF8.self)
            #expect(text.hasPrefix("GET 0"))
        }
    }
}

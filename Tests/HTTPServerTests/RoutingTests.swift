import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@Suite struct RoutingTests {
    /// Answers with the route's name and its parameters.
    private static let routes: @Sendable (inout Router<Services>) -> Void = { router in
        let patterns: [(HTTPMethod?, String)] = [
            (.get, "/"), (.get, "/_matrix/client/versions"),
            (.get, "/_matrix/client/{version:r0|v3}/sync"),
            (.get, "/_matrix/client/{version:r0|v3|unstable}/rooms/{roomId}/messages"),
            (.put, "/_matrix/client/{version:r0|v3}/rooms/{roomId}/send/{type}/{txn}"),
            (.get, "/_matrix/client/{version:r0|v3}/rooms/{roomId}/state/{type}"),
            (.get, "/_matrix/client/{version:r0|v3}/rooms/{roomId}/state/{type}/"),
            (.get, "/_matrix/client/{version:r0|v3}/rooms/{roomId}/state/{type}/{key}"),
            (.put, "/_matrix/client/{version:r0|v3}/rooms/{roomId}/state/{type}/{key}"),
            (.get, "/files/{path*}"), (.get, "/files/special"), (.post, "/files/{name}"),
            (nil, "/any/{path*}"), (.get, "/a/b/c"), (.get, "/a/{x}/d"), (.options, "/own"),
        ]
        for (method, pattern) in patterns {
            router.onImmediate(method, pattern, name: pattern) { request, services, loop in
                let parameters = request.parameters
                let values = parameters.names.map { "\($0)=\(parameters.text($0))" }
                return .text("\(pattern) \(values.joined(separator: " "))")
            }
        }
    }

    private static func check(
        _ table: [(String, Int, String)], options: HTTPServerOptions = HTTPServerOptions()
    ) throws {
        try withServer(.epoll, options: options, routes: routes) {
            server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for (line, status, text) in table {
                client.send("\(line) HTTP/1.1\r\nHost: x\r\n\r\n", on: loop)
                let answer = try await client.response(head: line.hasPrefix("HEAD"), on: loop)
                #expect(answer.status == status, "\(line)")
                #expect(
                    (answer.headers["allow"] ?? (status == 200 ? answer.text : "")) == text,
                    "\(line)")
            }
        }
    }

    @Test func findsRoutesAndTheirParameters() throws {
        let client = "/_matrix/client/"
        try Self.check([
            ("GET /", 200, "/ "),
            ("GET /_matrix/client/versions", 200, "/_matrix/client/versions "),
            ("GET \(client)v3/sync?a=b", 200, "\(client){version:r0|v3}/sync version=v3"),
            ("GET \(client)%76%33/s%79nc", 200, "\(client){version:r0|v3}/sync version=v3"),
            ("GET \(client)v9/sync", 404, ""), ("GET \(client)unstable/sync", 404, ""),
            (
                "GET \(client)unstable/rooms/!a%3Ab:c/messages", 200,
                "\(client){version:r0|v3|unstable}/rooms/{roomId}/messages "
                    + "version=unstable roomId=!a:b:c"
            ),
            ("GET \(client)r0/rooms//messages", 404, ""),
            (
                "GET \(client)v3/rooms/!r/state/m.x", 200,
                "\(client){version:r0|v3}/rooms/{roomId}/state/{type} "
                    + "version=v3 roomId=!r type=m.x"
            ),
            (
                "GET \(client)v3/rooms/!r/state/m.x/", 200,
                "\(client){version:r0|v3}/rooms/{roomId}/state/{type}/ "
                    + "version=v3 roomId=!r type=m.x"
            ),
            (
                "GET \(client)v3/rooms/!r/state/m.x/a%2Fb%20", 200,
                "\(client){version:r0|v3}/rooms/{roomId}/state/{type}/{key} "
                    + "version=v3 roomId=!r type=m.x key=a/b "
            ),
            ("GET /files/a/b%20c/", 200, "/files/{path*} path=a/b c/"),
            ("GET /files/", 200, "/files/{path*} path="),
            ("GET /files/special", 200, "/files/special "),
            ("POST /files/special", 200, "/files/{name} name=special"),
            ("GET /files", 404, ""), ("GET //", 404, ""), ("GET /a", 404, ""),
            ("GET /a/b/c", 200, "/a/b/c "), ("GET /a/b/d", 200, "/a/{x}/d x=b"),
            ("GET /a/b/c/", 404, ""), ("GET http://h/a/b/c", 200, "/a/b/c "),
            ("GET http://h", 200, "/ "), ("BREW /any/x", 200, "/any/{path*} path=x"),
            ("GET /files/%zz", 400, ""), ("GET /files/%", 400, ""), ("GET /files/%80", 400, ""),
            ("GET /" + String(repeating: "x/", count: 100), 404, ""),
            (
                "GET /files" + String(repeating: "/x", count: 100), 200,
                "/files/{path*} path=" + String(repeating: "x/", count: 99) + "x"
            ),
        ])
    }

    @Test func refusesMethodsThatARouteLacks() throws {
        try Self.check([
            ("POST /", 405, "GET, HEAD, OPTIONS"), ("HEAD /", 200, ""),
            ("DELETE /files/a", 405, "POST, GET, HEAD, OPTIONS"),
            ("BREW /a/b/c", 405, "GET, HEAD, OPTIONS"), ("HEAD /nowhere", 404, ""),
            ("TRACE /", 405, "GET, HEAD, OPTIONS"),
            ("HEAD /_matrix/client/v3/rooms/r/send/a/b", 405, "PUT, OPTIONS"),
        ])
    }

    @Test func answersOptions() throws {
        try Self.check([
            ("OPTIONS /", 204, "GET, HEAD, OPTIONS"), ("OPTIONS *", 204, ""),
            ("OPTIONS /nowhere", 404, ""), ("OPTIONS /own", 200, "/own "),
            ("OPTIONS /any/x", 200, "/any/{path*} path=x"),
        ])
    }

    @Test func corsFieldsAreOnEveryAnswer() throws {
        var options = HTTPServerOptions()
        options.cors = .matrix
        try withServer(.epoll, options: options) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for (line, status) in [
                ("GET /hello/a", 200), ("GET /nowhere", 404), ("OPTIONS /nowhere", 204),
                ("OPTIONS /hello/a", 204), ("POST /hello/a", 405), ("BAD", 400),
            ] {
                let answer = try await client.exchange(
                    "\(line) HTTP/1.1\r\nHost: x\r\n\r\n", on: loop)
                #expect(answer.status == status)
                #expect(answer.headers["access-control-allow-origin"] == "*")
                #expect(answer.headers["access-control-allow-methods"]?.contains("PUT") == true)
                #expect(
                    answer.headers["access-control-allow-headers"]?.contains("Authorization")
                        == true)
            }
        }
    }

    @Test func requestsCanBeMadeForTests() throws {
        let request = try HTTPRequest(
            .put, "/a?b=c", headers: ["X": "y"], body: [1], parameters: ["roomId": "!r"])
        #expect(request.method == .put)
        #expect(request.path == "/a")
        #expect(request.query.first(named: "b") == "c")
        #expect(request.headers["x"] == "y")
        #expect(request.body == [1])
        #expect(request.parameters["roomId"] == "!r")
        #expect(throws: HTTPError.self) { try HTTPRequest(.get, "/ x") }
    }

    @Test(arguments: [
        "a", "", "/{", "/{}", "/a{b}", "/{a}b", "/{a/b}", "/{a*}/b", "/{a}/{a}", "/%41",
    ])
    func malformedPatternsTrap(_ pattern: String) async {
        await #expect(processExitsWith: .failure) { [pattern] in
            var router = Router<Void>()
            router.onImmediate(.get, pattern) { _, _, _ in HTTPResponse() }
        }
    }

    @Test func equalPatternsTrap() async {
        await #expect(processExitsWith: .failure) {
            var router = Router<Void>()
            router.onImmediate(.get, "/a/{b}") { _, _, _ in HTTPResponse() }
            router.onImmediate(.get, "/a/{c}") { _, _, _ in HTTPResponse() }
        }
    }
}

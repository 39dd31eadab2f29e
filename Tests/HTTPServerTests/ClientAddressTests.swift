import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@Suite struct ClientAddressTests {
    private static func routes(_ router: inout Router<Services>) {
        router.onImmediate(.get, "/who") { request, services, loop in
            let address = request.clientAddress
            return .text(
                "\(address?.host ?? "-") \(address?.port ?? 0) \(request.isForwardedSecure)")
        }
    }

    private static func request(_ fields: String) -> String {
        "GET /who HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }

    @Test(arguments: backends)
    func proxiesSpeakForTheirClients(_ backend: EventLoop.Backend) throws {
        var options = HTTPServerOptions()
        options.isBehindProxy = true
        let table: [(String, String)] = [
            ("203.0.113.7", "203.0.113.7 0"), ("203.0.113.7, 10.0.0.1", "203.0.113.7 0"),
            (" 203.0.113.7 ,x", "203.0.113.7 0"), ("203.0.113.7:80", "203.0.113.7 80"),
            ("2001:db8::1", "2001:db8::1 0"), ("[2001:db8::1]", "2001:db8::1 0"),
            ("[2001:db8::1]:443", "2001:db8::1 443"),
            ("203.0.113.7\r\nX-Forwarded-For: 203.0.113.8", "203.0.113.7 0"),
        ]
        let refused = [
            "", "unknown", "*", ",203.0.113.7", "203.0.113.7 x", "203.0.113.256", "0x7f.1", "[",
            "[]",
            "[203.0.113.7]", "203.0.113.7:65536", "203.0.113.7:-1", "[::1]x", "a\"b", "\u{e9}",
            String(repeating: "1", count: 5000),
        ]
        try withServer(backend, options: options, routes: Self.routes) {
            server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for (value, expected) in table {
                let answer = try await client.exchange(
                    Self.request("X-Forwarded-For: \(value)\r\n"), on: loop)
                #expect(answer.text == expected + " false", "\(value)")
            }
            for value in refused {
                let answer = try await client.exchange(
                    Self.request("X-Forwarded-For: \(value)\r\n"), on: loop)
                #expect(answer.text.hasPrefix("127.0.0.1 "), "\(value)")
            }
            for (value, expected) in [("https", true), ("HTTPS", true), ("http", false)] {
                let answer = try await client.exchange(
                    Self.request("X-Forwarded-Proto: \(value)\r\n"), on: loop)
                #expect(answer.text.hasSuffix(" \(expected)"))
            }
        }
    }

    @Test(arguments: backends)
    func othersDoNot(_ backend: EventLoop.Backend) throws {
        try withServer(backend, routes: Self.routes) { server, services, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let fields = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n"
            let answer = try await client.exchange(Self.request(fields), on: loop)
            #expect(answer.text.hasPrefix("127.0.0.1 "))
            #expect(answer.text.hasSuffix(" false"))
        }
    }
}

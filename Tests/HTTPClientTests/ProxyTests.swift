import Bytes
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@testable import HTTPClient

/// Makes tunnels, and answers whatever names a whole URL by itself.
final class Proxy: ChannelHandler {
    private var input: [UInt8] = []
    private var target: Channel?
    private let heads: Heads

    init(_ heads: Heads) { self.heads = heads }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        if let target { return target.write(bytes, on: loop) }
        input += bytes.array
        let text = String(decoding: input, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return }
        let head = String(text[..<end.lowerBound])
        input = []
        heads.list.append(head)
        let words = head.split(separator: " ")
        guard words[0] == "CONNECT" else {
            return answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy", channel, on: loop)
        }
        guard head.contains("Proxy-Authorization: Basic dTpw") else {
            return answer("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", channel, on: loop)
        }
        let port = UInt16(words[1].split(separator: ":").last ?? "") ?? 0
        loop.spawn {
            let other = Splice(channel)
            self.target = try? await loop.connect(
                to: .loopback(port: port), timeout: .seconds(10)
            ) { _ in other }
            self.answer("HTTP/1.1 200 Fine\r\n\r\n", channel, on: loop)
        }
    }

    private func answer(_ text: String, _ channel: Channel, on loop: isolated EventLoop) {
        channel.write(Array(text.utf8), on: loop)
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        target?.close(on: loop)
    }

    final class Splice: ChannelHandler {
        private let other: Channel
        init(_ other: Channel) { self.other = other }
        func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
            other.write(bytes, on: loop)
        }
        func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
            other.close(on: loop)
        }
    }
}

@Suite("Proxies")
struct ProxyTests {
    @Test("requests name their whole URL; exceptions go directly", arguments: backends)
    func plain(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let heads = Heads()
            let proxy = try loop.listen(on: .loopback()) { _ in Proxy(heads) }
            let direct = try loop.listen(
                answering("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect", on: loop))
            var options = HTTPClientOptions()
            options.proxy = ProxyPolicy(
                http: "http://u:p@\(proxy.localAddress)", exceptions: ["127.0.0.0/8"])
            options.addresses = AddressPolicy(
                refusing: AddressPolicy.publicInternet.refused,
                except: [AddressRange(.v4(0x7f00_0000), prefixLength: 9)])
            let client = try HTTPClient(options, on: loop)
            let proxied = try await client.send(
                HTTPClientRequest(.get, "http://no-such-host.invalid/path?x=y"), on: loop)
            #expect(proxied.text == "proxy")
            let head = try #require(heads.list.first)
            #expect(head.hasPrefix("GET http://no-such-host.invalid/path?x=y HTTP/1.1"))
            #expect(head.contains("Proxy-Authorization: Basic dTpw"))
            let other = try await client.send(
                HTTPClientRequest(.get, "http://\(direct)/"), on: loop)
            #expect(other.text == "direct")
            #expect(heads.list.count == 1)
            // A proxy's own address is its operator's choice; numeric hosts are checked all the same.
            let error = try await failure {
                _ = try await client.send(HTTPClientRequest(.get, "http://10.0.0.1/"), on: loop)
            }
            #expect(error.code == .addressRefused)
            client.close(on: loop)
        }
    }

    @Test("https asks for a tunnel, and says so if there is none", arguments: backends)
    func tunnel(backend: EventLoop.Backend) throws {
        let peer = try TLSPeer(mode: "http")
        defer { peer.stop() }
        let (port, trusted) = (peer.port, peer.certificates.path("ca.pem"))
        try onLoop(backend) { loop in
            let heads = Heads()
            let proxy = try loop.listen(on: .loopback()) { _ in Proxy(heads) }
            var options = HTTPClientOptions()
            options.tls.trustedCertificatesFile = trusted
            options.proxy = ProxyPolicy(https: "u:p@\(proxy.localAddress)")
            let client = try HTTPClient(options, on: loop)
            let url = "https://server.test:\(port)/"
            let response = try await client.send(HTTPClientRequest(.get, url), on: loop)
            #expect(response.text.contains("sni=server.test"))
            #expect(heads.list.count == 1)
            #expect(heads.list.first?.hasPrefix("CONNECT server.test:\(port)") == true)
            #expect(heads.list.first?.contains("beamline") == false)
            client.close(on: loop)
            options.proxy = ProxyPolicy(https: "http://\(proxy.localAddress)")
            let stranger = try HTTPClient(options, on: loop)
            let error = try await failure {
                _ = try await stranger.send(HTTPClientRequest(.get, url), on: loop)
            }
            #expect(error.code == .proxyFailed, "\(error)")
            stranger.close(on: loop)
        }
    }

    @Test(
        "what does without a proxy",
        arguments: [
            ("*", "example.org", 80, true), ("example.org", "example.org", 80, true),
            ("example.org", "EXAMPLE.org", 80, true), ("example.org", "a.example.org", 80, true),
            (".example.org", "example.org", 80, true), (".example.org", "a.example.org", 80, true),
            ("example.org", "badexample.org", 80, false), ("example.org", "example.org.", 80, true),
            ("example.org:80", "example.org", 80, true),
            ("example.org:81", "example.org", 80, false),
            ("org", "example.org", 80, true), ("", "example.org", 80, false),
            (".", "example.org", 80, false), ("10.0.0.0/8", "10.1.2.3", 80, true),
            ("10.0.0.0/8", "11.1.2.3", 80, false), ("10.0.0.1", "10.0.0.1", 80, true),
            ("10.0.0.1:80", "10.0.0.1", 80, true), ("10.0.0.1:81", "10.0.0.1", 80, false),
            ("0.1", "10.0.0.1", 80, false), ("::1", "::1", 80, true), ("[::1]", "::1", 80, true),
            ("[::1]:80", "::1", 80, true), ("[::1]:81", "::1", 80, false),
            ("fc00::/7", "fd00::1", 80, true), ("fc00::/7", "example.org", 80, false),
        ] as [(String, String, Int, Bool)])
    func exceptions(pattern: String, host: String, port: Int, isException: Bool) {
        #expect(ProxyPolicy.matches(pattern, host, port) == isException)
        let policy = ProxyPolicy(http: "http://proxy", exceptions: [pattern])
        #expect((policy.proxy(scheme: "http", host: host, port: port) == nil) == isException)
        #expect(policy.proxy(scheme: "https", host: host, port: port) == nil)
    }
}

import HTTPClient
import HTTPWire
import Reactor
import TestSupport
import Testing

@Suite("TLS")
struct TLSTests {
    /// Runs `body` beside a peer in Python, on each backend.
    private static func withPeer(
        _ flags: String...,
        body: @escaping @Sendable (UInt16, Certificates, isolated EventLoop) async throws -> Void
    ) throws {
        let certificates = try Certificates.shared.get()
        let peer = try TLSPeer(mode: "http", flags.joined(separator: " "))
        defer { peer.stop() }
        let port = peer.port
        for backend in backends {
            try onLoop(backend) { loop in try await body(port, certificates, loop) }
        }
    }

    private static func options(_ certificates: Certificates) -> HTTPClientOptions {
        var options = HTTPClientOptions()
        options.tls.trustedCertificatesFile = certificates.path("ca.pem")
        return options
    }

    private static func request(_ name: String, _ port: UInt16) -> HTTPClientRequest {
        var request = HTTPClientRequest(.get, "https://\(name)/")
        request.connectTo = .init(host: "127.0.0.1", port: port)
        return request
    }

    @Test("certificates are checked against trust and name; SNI and Host name the server")
    func verification() throws {
        try Self.withPeer { port, certificates, loop in
            let stranger = try HTTPClient(on: loop)
            let untrusted = try await failure {
                _ = try await stranger.send(Self.request("server.test", port), on: loop)
            }
            #expect(untrusted.code == .certificateRefused, "\(untrusted)")
            stranger.close(on: loop)

            let client = try HTTPClient(Self.options(certificates), on: loop)
            let response = try await client.send(Self.request("server.test", port), on: loop)
            #expect(response.text.hasPrefix("sni=server.test version=TLSv1.3"))
            #expect(response.text.hasSuffix("host=server.test"))
            let wrong = try await failure {
                _ = try await client.send(Self.request("other.test", port), on: loop)
            }
            #expect(wrong.code == .certificateRefused, "\(wrong)")
            #expect(wrong.server == "https://other.test:443")
            client.close(on: loop)

            var careless = HTTPClientOptions()
            careless.tls.verifies = false
            let trusting = try HTTPClient(careless, on: loop)
            let any = try await trusting.send(Self.request("other.test", port), on: loop)
            #expect(any.text.hasPrefix("sni=other.test"))
            trusting.close(on: loop)
        }
    }

    @Test("a further connection resumes the session of an earlier one")
    func resumption() throws {
        try Self.withPeer { port, certificates, loop in
            let client = try HTTPClient(Self.options(certificates), on: loop)
            var resumed: [Bool] = []
            for _ in 0..<3 {
                let response = try await client.send(Self.request("server.test", port), on: loop)
                resumed.append(response.text.contains("resumed=True"))
            }
            #expect(resumed == [false, true, true])
            client.close(on: loop)
        }
    }

    @Test("a certificate of one's own is shown where it is asked for")
    func clientCertificate() throws {
        try Self.withPeer("client") { port, certificates, loop in
            var options = Self.options(certificates)
            let nobody = try HTTPClient(options, on: loop)
            let error = try await failure {
                _ = try await nobody.send(Self.request("server.test", port), on: loop)
            }
            // The server says so only after a handshake that has succeeded for the client.
            #expect([.tlsFailed, .connectionLost].contains(error.code), "\(error)")
            nobody.close(on: loop)
            options.tls.certificateFile = certificates.path("client.pem")
            options.tls.privateKeyFile = certificates.path("client.key")
            let client = try HTTPClient(options, on: loop)
            let response = try await client.send(Self.request("server.test", port), on: loop)
            #expect(response.text.contains("client=client.test"))
            client.close(on: loop)
        }
    }

    @Test("old versions are refused", arguments: [("tls1.1", false), ("tls1.2", true)])
    func versions(flag: String, requiresTLS13: Bool) throws {
        try Self.withPeer(flag) { port, certificates, loop in
            var options = Self.options(certificates)
            options.tls.requiresTLS13 = requiresTLS13
            let client = try HTTPClient(options, on: loop)
            let error = try await failure {
                _ = try await client.send(Self.request("server.test", port), on: loop)
            }
            #expect(error.code == .tlsFailed, "\(error)")
            client.close(on: loop)
            guard requiresTLS13 else { return }
            let modest = try HTTPClient(Self.options(certificates), on: loop)
            let response = try await modest.send(Self.request("server.test", port), on: loop)
            #expect(response.text.contains("version=TLSv1.2"))
            modest.close(on: loop)
        }
    }

    @Test("files that are not there, and servers without TLS, are errors", arguments: backends)
    func failures(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let address = try loop.listen { peer, channel in
                if !peer.hasEnded { channel.write(Array("HTTP/1.1 400 No\r\n\r\n".utf8), on: loop) }
            }
            let client = try HTTPClient(on: loop)
            let plain = try await failure {
                _ = try await client.send(HTTPClientRequest(.get, "https://\(address)/"), on: loop)
            }
            #expect(plain.code == .tlsFailed, "\(plain)")
            client.close(on: loop)
            var options = HTTPClientOptions()
            options.tls.trustedCertificatesFile = "/nowhere/ca.pem"
            let blind = try HTTPClient(options, on: loop)
            let missing = try await failure {
                _ = try await blind.send(HTTPClientRequest(.get, "https://\(address)/"), on: loop)
            }
            #expect(missing.code == .tlsFailed, "\(missing)")
            blind.close(on: loop)
        }
    }
}

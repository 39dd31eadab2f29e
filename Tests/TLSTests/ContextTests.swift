import Reactor
import TLS
import TestSupport
import Testing

@Suite("TLS contexts", .serialized)
struct ContextTests {
    private func error(
        _ certificate: TLSCertificate, _ options: TLSServerOptions = TLSServerOptions()
    ) -> String? {
        do throws(TLSError) {
            _ = try TLSServerContext(certificates: [certificate], options: options)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("what is wrong with a file is said, and with which")
    func mistakes() throws {
        let folder = Folder()
        let authority = Authority()
        let good = authority.issue("DNS:localhost")
        let other = authority.issue("DNS:localhost")
        let expired = authority.issue("DNS:localhost", days: -9 ... -2)
        let early = authority.issue("DNS:localhost", days: 2...9)
        let locked = authority.issue("DNS:localhost", password: "secret")
        let chain = folder.write("chain.pem", good.chain)
        let key = folder.write("key.pem", good.key)
        let path = folder.path
        #expect(error(.files(chain: chain, key: key)) == nil)
        #expect(
            error(.files(chain: "\(path)/none.pem", key: key))
                == "\(path)/none.pem: cannot be read: No such file or directory")
        #expect(
            error(.files(chain: chain, key: path)) == "\(path): cannot be read: Is a directory")
        #expect(
            error(.files(chain: key, key: key))
                == "\(key): holds no certificate in PEM form (BEGIN CERTIFICATE)")
        #expect(
            error(.files(chain: chain, key: chain))
                == "\(chain): holds no private key in PEM form (BEGIN PRIVATE KEY)")
        let otherKey = folder.write("other.pem", other.key)
        #expect(
            error(.files(chain: chain, key: otherKey))
                == "\(otherKey): is not the key of the certificate in \(chain)")
        let lockedKey = folder.write("locked.pem", locked.key)
        #expect(
            error(.files(chain: folder.write("locked-chain.pem", locked.chain), key: lockedKey))
                == "\(lockedKey): is encrypted, expected a private key without a password")
        #expect(error(expired.certificate)?.contains("the certificate: has expired: 20") == true)
        #expect(error(early.certificate)?.contains("is not valid before 20") == true)
        var lenient = TLSServerOptions()
        lenient.checksDates = false
        #expect(error(expired.certificate, lenient) == nil)
        let damaged = good.chain.replacing("MII", with: "AAA", maxReplacements: 1)
        #expect(
            error(.pem(chain: Array(damaged.utf8), key: Array(good.key.utf8)))?
                .contains("the certificate: has a damaged certificate:") == true)
        lenient.clientVerification = .required(authorities: "\(path)/gone.pem")
        #expect(
            error(good.certificate, lenient)
                == "\(path)/gone.pem: cannot be read: No such file or directory")
        lenient.clientVerification = .none
        lenient.applicationProtocols = [""]
        #expect(error(good.certificate, lenient)?.contains("is no protocol name") == true)
    }

    @Test("any prefix of a certificate's file is refused or used, and never worse")
    func prefixes() throws {
        let issued = Authority().issue("DNS:localhost")
        let chain = Array(issued.chain.utf8)
        let key = Array(issued.key.utf8)
        for length in stride(from: 0, to: chain.count, by: 7) {
            _ = error(.pem(chain: Array(chain[..<length]), key: key))
        }
        for length in 0..<key.count - 1 {
            #expect(error(.pem(chain: chain, key: Array(key[..<length]))) != nil)
        }
    }

    @Test("the certificate is that of the name which the client asks for", arguments: kernels)
    func names(ground: Ground) throws {
        try onLoop(ground) { loop in
            let authority = Authority()
            let folder = Folder()
            let server = try TLSServerContext(certificates: [
                authority.issue("DNS:default.org", common: "default").certificate,
                authority.issue("DNS:*.example.org", common: "wildcard").certificate,
                authority.issue("DNS:a.example.org", common: "exact").certificate,
            ])
            var options = TLSClientOptions()
            options.trust = .authorities(folder.write("authority.pem", authority.pem))
            let trusting = try TLSClientContext(options: options)
            options.trust = .anyone
            let anyone = try TLSClientContext(options: options)
            let listener = try loop.listen(
                on: .loopback(), options: ListenerOptions(security: server)
            ) { _ in Echo() }
            let expected = [
                ("a.example.org", "exact"), ("A.EXAMPLE.ORG", "exact"),
                ("b.example.org", "wildcard"), ("default.org", "default"),
                ("a.b.example.org", nil), ("example.org", nil), ("127.0.0.1", nil),
            ]
            for (name, subject) in expected {
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10), security: anyone.peer(name)
                ) { _ in Recorder() }
                #expect(
                    (channel.filter as? TLSConnection)?.peerSubject == "CN=\(subject ?? "default")")
                channel.abort(on: loop)
                let error = await connectError(
                    listener.localAddress, trusting.peer(name), on: loop)
                #expect((error == nil) == (subject != nil), "\(name): \(error as Any)")
            }
        }
    }

    @Test("a client refuses whom it cannot trust, and says why", arguments: kernels)
    func refusals(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try Pair()
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            let stranger = try TLSClientContext()
            var lenient = TLSServerOptions()
            lenient.checksDates = false
            let expired = try TLSServerContext(
                certificates: [
                    pair.authority.issue("DNS:localhost", days: -9 ... -2).certificate
                ], options: lenient)
            let late = try loop.listen(
                on: .loopback(), options: ListenerOptions(security: expired)
            ) { _ in Echo() }
            let cases: [(SocketAddress, TLSPeer, String)] = [
                (listener.localAddress, stranger.peer("localhost"), "self-signed certificate"),
                (listener.localAddress, pair.client.peer("example.org"), "hostname mismatch"),
                (listener.localAddress, pair.client.peer("127.0.0.2"), "IP address mismatch"),
                (late.localAddress, pair.client.peer("localhost"), "certificate has expired"),
            ]
            for (address, peer, text) in cases {
                let error = await connectError(address, peer, on: loop)
                #expect(error?.call == "TLS handshake")
                #expect(error?.detail?.contains(text) == true, "\(error as Any)")
            }
            #expect(
                await connectError(listener.localAddress, pair.client.peer("127.0.0.1"), on: loop)
                    == nil)
            #expect(
                await connectError(listener.localAddress, pair.client.peer(""), on: loop)?.detail
                    == "\"\" is no host name")
            while pair.server.statistics.failed < 3 { await loop.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("a client without a certificate is refused where one is required", arguments: kernels)
    func mutual(ground: Ground) throws {
        try onLoop(ground) { loop in
            let folder = Folder()
            let workers = Authority("Workers")
            var options = TLSServerOptions()
            options.clientVerification = .required(
                authorities: folder.write("workers.pem", workers.pem))
            let pair = try Pair(server: options)
            let accepted = Holder()
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { channel in
                accepted.channel = channel
                return Echo()
            }
            var client = pair.client(with: workers.issue("DNS:w1", common: "worker1"))
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10),
                security: try TLSClientContext(options: client).peer("localhost")
            ) { _ in recorder }
            channel.write([1], on: loop)
            await recorder.wait(on: loop) { $0.bytes == [1] }
            #expect((accepted.channel?.filter as? TLSConnection)?.peerSubject == "CN=worker1")
            channel.close(on: loop)
            // In TLS 1.3 the client has finished before the server judges its certificate.
            for certificate in [nil, Authority("Others").issue("DNS:w1").certificate] {
                client.certificate = certificate
                client.maximumVersion = .tls12
                let error = await connectError(
                    listener.localAddress,
                    try TLSClientContext(options: client).peer("localhost"), on: loop)
                #expect(error?.detail?.contains("alert") == true, "\(error as Any)")
            }
            #expect(pair.server.statistics == TLSStatistics(completed: 1, failed: 2))
        }
    }

    @Test("a reload changes what new connections see, and nothing if it fails", arguments: kernels)
    func reload(ground: Ground) throws {
        try onLoop(ground) { loop in
            let folder = Folder()
            let authority = Authority()
            func install(_ name: String) -> TLSCertificate {
                let issued = authority.issue("DNS:localhost", common: name)
                return .files(
                    chain: folder.write("chain.pem", issued.chain),
                    key: folder.write("key.pem", issued.key))
            }
            let server = try TLSServerContext(certificates: [install("first")])
            var options = TLSClientOptions()
            options.trust = .authorities(folder.write("authority.pem", authority.pem))
            let client = try TLSClientContext(options: options)
            let listener = try loop.listen(
                on: .loopback(), options: ListenerOptions(security: server)
            ) { _ in Echo() }
            func connect(_ loop: isolated EventLoop) async throws -> (Channel, Recorder, String?) {
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10),
                    security: client.peer("localhost")
                ) { _ in recorder }
                return (channel, recorder, (channel.filter as? TLSConnection)?.peerSubject)
            }
            let (old, recorder, subject) = try await connect(loop)
            #expect(subject == "CN=first")
            _ = install("second")
            for round in 0..<20 {
                old.write([UInt8](repeating: 1, count: 10_000), on: loop)
                try server.reload()
                #expect(try await connect(loop).2 == "CN=second")
                await recorder.wait(on: loop) { $0.bytes.count == 10_000 * (round + 1) }
            }
            folder.write("key.pem", "nonsense")
            #expect(throws: TLSError.self) { try server.reload() }
            #expect(try await connect(loop).2 == "CN=second")
        }
    }
}

extension Pair {
    /// Options of a client that trusts the server and has a certificate of its own.
    func client(with issued: Authority.Issued) -> TLSClientOptions {
        var options = TLSClientOptions()
        options.trust = .authorities(folder.write("authority.pem", authority.pem))
        options.certificate = issued.certificate
        return options
    }
}

import CCurl
import Glibc
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@testable import HTTPClient

@Suite("Address policies")
struct AddressPolicyTests {
    @Test(
        "ranges are read and written",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"), ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"),
            ("2001:db8::1", "2001:db8::1/128"), ("fe80::1/10", "fe80::/10"),
            ("::ffff:10.0.0.1/128", "::ffff:10.0.0.1/128"),
            ("255.255.255.255/31", "255.255.255.254/31"),
        ])
    func ranges(text: String, written: String) throws {
        #expect(try AddressRange(parsing: text).description == written)
    }

    @Test(
        "what is no range is refused, with the reason",
        arguments: [
            ("", "an address is missing"), ("/8", "an address is missing"),
            ("10.0.0.0/", "0 to 32"), ("10.0.0.0/33", "0 to 32"), ("10.0.0.0/-1", "0 to 32"),
            ("10.0.0.0/+8", "0 to 32"), ("10.0.0.0/8/9", "0 to 32"), ("10.0.0.0/ 8", "0 to 32"),
            ("::/129", "0 to 128"), ("::/99999999999999999999", "0 to 128"),
            ("10/8", "not an IPv4 or IPv6"), ("10.0.0/8", "not an IPv4 or IPv6"),
            ("010.0.0.1", "not an IPv4 or IPv6"), ("1.2.3.4.5", "not an IPv4 or IPv6"),
            ("256.0.0.1", "not an IPv4 or IPv6"), ("*", "not an IPv4 or IPv6"),
            ("example.org", "not an IPv4 or IPv6"), (" 10.0.0.1", "not an IPv4 or IPv6"),
            ("[::1]", "not an IPv4 or IPv6"), ("fe80::1%eth0", "not an IPv4 or IPv6"),
        ])
    func malformed(text: String, reason: String) {
        let error = #expect(throws: AddressRangeError.self) { try AddressRange(parsing: text) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.text == text)
    }

    @Test("a range holds what shares its prefix, for every length")
    func containment() throws {
        var random = Seeded(7)
        for length in 0...32 {
            let bits = UInt32.random(in: 0...UInt32.max, using: &random)
            let range = AddressRange(.v4(bits), prefixLength: length)
            for flipped in 0..<32 {
                let other = IPAddress.v4(bits ^ 1 << UInt32(31 - flipped))
                #expect(range.contains(other) == (flipped >= length))
            }
            #expect(!range.contains(.v6(UInt128(bits))))
        }
        for length in 0...128 {
            let bits = UInt128.random(in: 0...UInt128.max, using: &random)
            let range = AddressRange(.v6(bits), prefixLength: length)
            for flipped in 0..<128 {
                let other = IPAddress.v6(bits ^ 1 << UInt128(127 - flipped))
                #expect(range.contains(other) == (flipped >= length))
            }
        }
    }

    @Test(
        "what is not the public internet is refused, in every disguise",
        arguments: [
            "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
            "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
            "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
            "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.1.1.1",
            "240.0.0.1", "255.255.255.255",
            "::", "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1",
            "2001:db8::1", "100::1", "2001:10::1", "2001:2::1", "3fff::1", "5f00::1",
            // Mapped, compatible, translated, NAT64 (well known and local), 6to4, Teredo, ISATAP.
            "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "::10.0.0.1", "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1",
            "64:ff9b:1:0a00:0000:0100::", "2002:7f00:1::", "2002:a00:1::1",
            "2001:0:a00:1::", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
            "2a01:4f8::5efe:192.168.0.1", "2a01:4f8::200:5efe:10.0.0.1",
        ])
    func refused(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(!AddressPolicy.publicInternet.allows(address))
        #expect(AddressPolicy.unrestricted.allows(address))
        let exact = AddressRange(address, prefixLength: 128)
        let policy = AddressPolicy(
            refusing: AddressPolicy.publicInternet.refused, except: [exact])
        #expect(policy.allows(address))
    }

    @Test(
        "the public internet is allowed",
        arguments: [
            "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
            "126.255.255.255", "128.0.0.1", "172.15.255.255", "172.32.0.0", "192.0.1.1",
            "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
            "2606:4700::1111", "2a01:4f8::1", "2001:4860:4860::8888", "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8", "2002:808:808::1",
        ])
    func allowed(text: String) throws {
        #expect(AddressPolicy.publicInternet.allows(try #require(IPAddress(text))))
    }

    @Test("exceptions in IPv4 hold for IPv6 forms of the same address")
    func exceptions() throws {
        let policy = AddressPolicy(
            refusing: [
                try AddressRange(parsing: "10.0.0.0/8"),
                try AddressRange(parsing: "::ffff:0:0/96"),
            ], except: [try AddressRange(parsing: "10.1.0.0/16")])
        #expect(policy.allows(try #require(IPAddress("10.1.2.3"))))
        #expect(!policy.allows(try #require(IPAddress("10.2.0.1"))))
        #expect(policy.allows(try #require(IPAddress("::ffff:10.1.2.3"))))
        #expect(!policy.allows(try #require(IPAddress("::ffff:10.2.0.1"))))
        #expect(!policy.allows(try #require(IPAddress("::ffff:8.8.8.8"))))
        #expect(policy.allows(try #require(IPAddress("64:ff9b::10.1.0.1"))))
        #expect(!policy.allows(try #require(IPAddress("64:ff9b::10.2.0.1"))))
    }

    // MARK: At connect time

    @Test(
        "addresses are refused however they are written, and nothing is connected",
        arguments: backends)
    func literals(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let peers = Heads()
            let listener = try loop.listen(on: .loopback()) { _ in
                peers.count += 1
                return ScriptedPeer { _, _ in }
            }
            let port = listener.localAddress.port ?? 0
            var options = HTTPClientOptions()
            options.addresses = .publicInternet
            let client = try HTTPClient(options, on: loop)
            for host in [
                "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost",
                "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]", "%31%32%37.0.0.1",
            ] {
                let error = try await failure {
                    let request = HTTPClientRequest(.get, "http://\(host):\(port)/")
                    _ = try await client.send(request, on: loop)
                }
                #expect(error.code == .addressRefused, "\(host): \(error)")
                #expect(error.message.contains("not allowed"))
            }
            var request = HTTPClientRequest(.get, "http://example.org/")
            for host in ["127.0.0.1", "localhost"] {
                request.connectTo = .init(host: host, port: port)
                let error = try await failure { _ = try await client.send(request, on: loop) }
                #expect(error.code == .addressRefused, "\(error)")
            }
            #expect(peers.count == 0)
            #expect(client.connectionCount == 0)
            client.close(on: loop)
        }
    }

    @Test(
        "the address that a socket is opened for is read to its last byte",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "127.0.0.0"), ("::1", "::1"), ("::1", "::2"),
            ("2001:db8::1", "2001:db8::1"), ("2001:db8::1", "2001:db8::2"),
        ])
    func sockets(target: String, refused: String) throws {
        try onLoop(.epoll) { loop in
            let ban = try #require(IPAddress(refused))
            var options = HTTPClientOptions()
            options.addresses = AddressPolicy(refusing: [AddressRange(ban, prefixLength: 128)])
            let core = ClientCore(options, on: loop)
            let request = try OutgoingRequest(HTTPClientRequest(.get, "http://x/"), options)
            let transfer = HTTPTransfer(request, timeout: nil, bodyBytesMax: 0, core: core)
            // As libcurl hands it over: a header, and behind it as much as the family needs.
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 16 + 28, alignment: 8)
            defer { memory.deallocate() }
            let length: Int
            switch try #require(IPAddress(target)) {
            case .v4(let bits):
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_addr.s_addr = bits.bigEndian
                length = MemoryLayout.size(ofValue: address)
                (memory + 16).copyMemory(from: &address, byteCount: length)
            case .v6(let bits):
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                withUnsafeMutableBytes(of: &address.sin6_addr) {
                    $0.storeBytes(of: bits.bigEndian, as: UInt128.self)
                }
                length = MemoryLayout.size(ofValue: address)
                (memory + 16).copyMemory(from: &address, byteCount: length)
            }
            let header: [UInt32] = [
                target.contains(":") ? UInt32(AF_INET6) : UInt32(AF_INET),
                1, 0, UInt32(length),
            ]
            memory.copyMemory(from: header, byteCount: 16)
            let descriptor = core.open(
                memory.assumingMemoryBound(to: curl_sockaddr.self), for: transfer)
            #expect((descriptor < 0) == (target == refused))
            #expect((transfer.refusedAddress == ban) == (target == refused))
            if descriptor >= 0 { close(descriptor) }
            core.close(.closed, on: loop)
        }
    }

    @Test("a redirect to a forbidden address is refused", arguments: backends)
    func redirects(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.redirects = .follow(upTo: 3)
        options.addresses = AddressPolicy(
            refusing: AddressPolicy.publicInternet.refused,
            except: [AddressRange(.v4(0x7f00_0001), prefixLength: 32)])
        try withStage(
            backend, options: options,
            routes: { router in
                router.onImmediate(.get, "/to/{host}") { request, notes, loop in
                    let port = request.headers["Host"]?.split(separator: ":").last ?? ""
                    let host = request.parameters.text("host")
                    return HTTPResponse(
                        .found, headers: ["Location": "http://\(host):\(port)/hello/x"])
                }
            }
        ) { stage, loop in
            let fine = try await stage.get("/to/127.0.0.1", on: loop)
            #expect(fine.text == "hello x")
            for host in ["127.0.0.2", "169.254.169.254", "%5B::1%5D"] {
                let error = try await failure { _ = try await stage.get("/to/\(host)", on: loop) }
                #expect(error.code == .addressRefused, "\(error)")
            }
            #expect(stage.notes.requests == 1)
        }
    }
}

/// A generator whose numbers are the same every time (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

import Glibc
import ReactorTesting
import Synchronization
import TestSupport
import Testing

@testable import Reactor

@Suite("Connecting by host name, real", .serialized)
struct RealHostTests {
    @Test("localhost, whichever family listens", arguments: kernels, [false, true])
    func localhost(ground: Ground, isIPv6: Bool) throws {
        try onLoop(ground) { loop in
            let address: SocketAddress = isIPv6 ? .ipv6(1, port: 0, scope: 0) : .loopback()
            let listener = try loop.listen(on: address) { _ in Echo() }
            let resolver = ScriptedResolver()
            resolver.answer("both", .ipv6, with: [.ipv6(1, port: 0, scope: 0)])
            resolver.answer("both", .ipv4, with: [.loopback()])
            loop.resolver = resolver
            let recorder = Recorder()
            let channel = try await loop.connect(
                toHost: "both", port: try #require(listener.localAddress.port),
                timeout: .seconds(10)
            ) { _ in recorder }
            #expect(channel.remoteAddress == listener.localAddress)
            channel.write([1], on: loop)
            await recorder.wait(on: loop) { $0.bytes == [1] }
        }
    }

    @Test("the system's resolver finds the loopback", arguments: kernels)
    func system(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            let port = try #require(listener.localAddress.port)
            let channel = try await loop.connect(
                toHost: "localhost", port: port, timeout: .seconds(10)
            ) { _ in Recorder() }
            #expect(channel.remoteAddress == listener.localAddress)
            let addresses = try await loop.resolve(host: "localhost", port: 5)
            #expect(addresses.contains(.loopback(port: 5)))
            await #expect(throws: ResolutionError.self) {
                try await loop.resolve(host: "no such host", port: 5)
            }
        }
    }

    @Test(
        "a listener whose queue is full is a black hole; the next address wins", arguments: kernels)
    func blackHole(ground: Ground) throws {
        try onLoop(ground) { loop in
            // Nobody accepts there, and its queue has room for one: SYNs are dropped then.
            let hole = streamSocket(AF_INET6)
            defer { close(hole) }
            let port = try bindLoopback6(hole)
            #expect(listen(hole, 0) == 0)
            let full = (0..<4).map { _ in connectWithoutWaiting6(to: port) }
            defer { for descriptor in full { close(descriptor) } }
            let listener = try loop.listen(on: .loopback(port: port)) { _ in Echo() }
            let resolver = ScriptedResolver()
            resolver.answer("host", .ipv6, with: [.ipv6(1, port: 0, scope: 0)])
            resolver.answer("host", .ipv4, with: [.loopback()])
            loop.resolver = resolver
            let start = Instant.now
            let channel = try await loop.connect(
                toHost: "host", port: port, timeout: .seconds(20)
            ) { _ in Recorder() }
            #expect(channel.remoteAddress == listener.localAddress)
            #expect(Instant.now - start >= .milliseconds(250))
            // Only the winner and the listener are left.
            #expect(loop.resourceCount == 3 || loop.resourceCount == 2)
        }
    }

    @Test("a cancelled task stops waiting, and a stopping loop lets it go", arguments: kernels)
    func cancellation(ground: Ground) throws {
        let codes = Box<[ConnectionError.Code?]>()
        let loop = try ground.makeLoop()
        loop.submit { loop in
            let resolver = ScriptedResolver()
            resolver.answer("silent", .ipv6, with: [], after: nil)
            resolver.answer("silent", .ipv4, with: [], after: nil)
            loop.resolver = resolver
            let first = loop.spawn { await failure(on: loop) }
            let second = loop.spawn {
                let code = await failure(on: loop)
                codes.set((codes.value ?? []) + [code])
            }
            while resolver.pending < 4 { await loop.yield() }
            first.cancel()
            codes.set([await first.value])
            #expect(resolver.pending == 2)
            loop.stop()
            _ = second
        }
        loop.run()
        #expect(codes.value == [.cancelled, .cancelled])
    }
}

@Suite("System resolver", .serialized)
struct SystemResolverTests {
    @Test("equal questions are asked once, each answer gets its port", arguments: kernels)
    func coalescing(ground: Ground) throws {
        try onLoop(ground) { loop in
            let gate = Gate()
            let resolver = SystemResolver(threads: 2, waiting: 10) { _, _ in
                gate.wait()
                return [.loopback(port: 0)]
            }
            let log = AddressLog()
            for port in 1...5 {
                _ = resolver.lookUp(
                    port % 2 == 0 ? "Host" : "host", port: UInt16(port), family: .ipv4, on: loop
                ) { log.entries += (try? $0.get()) ?? [] }
            }
            gate.open()
            while log.entries.count < 5 { await loop.sleep(for: .milliseconds(1)) }
            #expect(log.entries == (1...5).map { .loopback(port: $0) })
            #expect(resolver.systemLookUps == 1)
        }
    }

    @Test("a crowd of questions is bounded, and who cancels makes room", arguments: kernels)
    func overload(ground: Ground) throws {
        try onLoop(ground) { loop in
            let gate = Gate()
            let done = Atomic(0)
            let resolver = SystemResolver(threads: 1, waiting: 3) { host, _ in
                gate.wait()
                done.add(1, ordering: .relaxed)
                throw ResolutionError(host: host, message: "asked")
            }
            var messages: [String: String] = [:]
            var lookUps: [LookUp] = []
            for number in 0..<10 {
                lookUps.append(
                    resolver.lookUp("host\(number)", port: 1, family: .ipv4, on: loop) { answer in
                        if case .failure(let error) = answer {
                            messages[error.host] = error.message
                        }
                    })
                // The first must have its thread before the others count as waiting.
                if number == 0 { while gate.waiting == 0 { await loop.yield() } }
            }
            while messages.count < 6 { await loop.sleep(for: .milliseconds(1)) }
            #expect(Set(messages.values) == ["too many look-ups wait"])
            resolver.cancel(lookUps[1], on: loop)
            resolver.cancel(lookUps[0], on: loop)
            gate.open()
            while messages.count < 8 { await loop.sleep(for: .milliseconds(1)) }
            #expect(messages["host0"] == nil)
            #expect(messages["host1"] == nil)
            #expect(messages["host2"] == "asked")
            #expect(messages["host3"] == "asked")
            let asked = done.load(ordering: .relaxed)
            #expect(asked == 3)
        }
    }
}

/// Holds threads back until it is opened.
final class Gate: Sendable {
    private let isOpen = Atomic(false)
    private let count = Atomic(0)
    var waiting: Int { count.load(ordering: .relaxed) }
    func open() { isOpen.store(true, ordering: .releasing) }
    func wait() {
        count.add(1, ordering: .relaxed)
        while !isOpen.load(ordering: .acquiring) { sched_yield() }
    }
}

private func failure(on loop: isolated EventLoop) async -> ConnectionError.Code? {
    do throws(ConnectionError) {
        _ = try await loop.connect(toHost: "silent", port: 1, timeout: .seconds(3600)) { _ in
            Recorder()
        }
        return nil
    } catch {
        return error.code
    }
}

private func withLoopback6(
    port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    var name = sockaddr_in6()
    name.sin6_family = sa_family_t(AF_INET6)
    name.sin6_port = port.bigEndian
    name.sin6_addr = in6addr_loopback
    return withUnsafePointer(to: &name) { pointer in
        body(
            UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
            socklen_t(MemoryLayout<sockaddr_in6>.size))
    }
}

private func bindLoopback6(_ descriptor: Int32) throws -> UInt16 {
    #expect(withLoopback6(port: 0) { bind(descriptor, $0, $1) } == 0)
    let address = SocketAddress { getsockname(descriptor, $0, $1) }
    return try #require(address?.port)
}

private func connectWithoutWaiting6(to port: UInt16) -> Int32 {
    let descriptor = streamSocket(AF_INET6, nonblocking: true)
    _ = withLoopback6(port: port) { connect(descriptor, $0, $1) }
    return descriptor
}

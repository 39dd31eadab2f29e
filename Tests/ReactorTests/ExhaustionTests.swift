import Glibc
import Reactor
import ReactorTesting
import TestSupport
import Testing

@Suite("Descriptor exhaustion", .serialized)
struct ExhaustionTests {
    // In a process of its own: others would have no descriptors either.
    @Test("clients are turned away quickly, and served again afterwards", arguments: kernels)
    func accept(ground: Ground) async throws {
        guard case .kernel(let backend) = ground else { return }
        await #expect(processExitsWith: .success) { [name = backend.rawValue as String] in
            let backend = try #require(EventLoop.Backend(rawValue: name))
            try onLoop(.kernel(backend)) { loop in
                try await exhaust(on: loop)
            }
        }
    }

    @Test("a simulated network runs out of descriptors now and then", arguments: 0..<5)
    func simulated(seed: UInt64) throws {
        var faults = NetworkFaults.rough
        faults.exhaustion = 0.4
        let loop = try EventLoop.simulated(seed: seed, faults: faults)
        let served = Box<Int>()
        loop.submit { loop in
            guard let listener = try? loop.listen(on: .loopback(), accept: { _ in Echo() }) else {
                return loop.stop()
            }
            var count = 0
            var attempts = 0
            while count < 50, attempts < 1000 {
                attempts += 1
                let recorder = Recorder()
                let channel = try? await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10)
                ) { _ in recorder }
                channel?.write([1], on: loop)
                await recorder.wait(on: loop) { !$0.bytes.isEmpty || $0.reason != nil }
                if !recorder.bytes.isEmpty { count += 1 }
                channel?.abort(on: loop)
            }
            #expect(listener.statistics.shed > 0)
            #expect(listener.statistics.pauses >= listener.statistics.shed)
            served.set(count)
            loop.stop()
        }
        loop.run()
        #expect(served.value == 50)
    }
}

private func exhaust(on loop: isolated EventLoop) async throws {
    let listener = try loop.listen(on: .loopback()) { _ in Echo() }
    var troubles: [AcceptTrouble] = []
    listener.onTrouble = { troubles.append($0) }
    let clients = (0..<20).map { _ in streamSocket(AF_INET) }
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = 300
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    var hogs: [Int32] = []
    while true {
        let hog = open("/dev/null", O_RDONLY | O_CLOEXEC)
        if hog < 0 { break }
        hogs.append(hog)
    }
    #expect(errno == EMFILE)
    for client in clients { #expect(connectBlocking(client, to: listener.localAddress)) }
    for client in clients {
        while !inputHasEnded(of: client) { await loop.sleep(for: .milliseconds(1)) }
        closeDescriptor(client)
    }
    #expect(listener.statistics.accepted == 0)
    #expect(listener.statistics.shed == 20)
    #expect(listener.statistics.pauses == troubles.count)
    #expect(troubles.first?.error == SystemError("accept", code: EMFILE))
    for hog in hogs { closeDescriptor(hog) }
    // Accepting comes back by itself.
    let recorder = Recorder()
    let channel = try await loop.connect(to: listener.localAddress, timeout: .seconds(10)) { _ in
        recorder
    }
    channel.write([7], on: loop)
    await recorder.wait(on: loop) { !$0.bytes.isEmpty || $0.reason != nil }
    #expect(recorder.bytes == [7])
    #expect(listener.statistics.accepted == 1)
    channel.abort(on: loop)
    listener.close(on: loop)
    while loop.resourceCount > 0 { await loop.sleep(for: .milliseconds(1)) }
    #expect(loop.timerCount == 0)
}

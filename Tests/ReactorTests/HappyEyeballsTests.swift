import ReactorTesting
import TestSupport
import Testing

@testable import Reactor

private let v6 = (0..<3).map { SocketAddress.ipv6(1 << 64 | UInt128($0), port: 1, scope: 0) }
private let v4 = (0..<3).map { SocketAddress.ipv4(0x0a00_0000 | $0, port: 1) }

@Suite("Happy Eyeballs, the machine")
struct HappyEyeballsTests {
    @Test("families alternate, IPv6 first, and what comes late takes part")
    func order() {
        var machine = HappyEyeballs()
        #expect(machine.answered(.ipv6, v6) == .connect(v6[0]))
        #expect(machine.answered(.ipv4, v4) == .wait)
        #expect(machine.attemptDelayElapsed() == .connect(v4[0]))
        #expect(machine.attemptFailed() == .connect(v6[1]))
        #expect(machine.attemptFailed() == .connect(v4[1]))
        #expect(machine.attemptDelayElapsed() == .connect(v6[2]))
        #expect(machine.attemptFailed() == .connect(v4[2]))
        #expect(machine.attemptDelayElapsed() == .wait)
        for _ in 0..<3 { _ = machine.attemptFailed() }
    }

    @Test("IPv4 waits a moment for IPv6, which may come, fail or be late")
    func resolutionDelay() {
        var machine = HappyEyeballs()
        #expect(machine.answered(.ipv4, v4) == .awaitResolution)
        #expect(machine.answered(.ipv6, v6) == .connect(v6[0]))
        #expect(machine.resolutionDelayElapsed() == .wait)

        machine = HappyEyeballs()
        #expect(machine.answered(.ipv4, v4) == .awaitResolution)
        #expect(machine.answered(.ipv6, []) == .connect(v4[0]))

        machine = HappyEyeballs()
        #expect(machine.answered(.ipv4, v4) == .awaitResolution)
        #expect(machine.resolutionDelayElapsed() == .connect(v4[0]))
        #expect(machine.answered(.ipv6, v6) == .wait)
        #expect(machine.attemptDelayElapsed() == .connect(v6[0]))
    }

    @Test("it gives up when nothing is left, not before")
    func givingUp() {
        var machine = HappyEyeballs()
        #expect(machine.answered(.ipv6, []) == .wait)
        #expect(machine.answered(.ipv4, []) == .giveUp)

        machine = HappyEyeballs()
        #expect(machine.answered(.ipv6, [v6[0]]) == .connect(v6[0]))
        #expect(machine.attemptFailed() == .wait)
        #expect(machine.answered(.ipv4, [v4[0]]) == .connect(v4[0]))
        #expect(machine.attemptFailed() == .giveUp)

        machine = HappyEyeballs()
        #expect(machine.answered(.ipv6, [v6[0]]) == .connect(v6[0]))
        #expect(machine.answered(.ipv4, [v4[0]]) == .wait)
        #expect(machine.attemptDelayElapsed() == .connect(v4[0]))
        #expect(machine.attemptFailed() == .wait)
        #expect(machine.attemptFailed() == .giveUp)
    }
}

@Suite("Connecting by host name, simulated", .serialized)
struct HostConnectionTests {
    /// Where a channel came to, how long it took, and what is left behind.
    private struct Run: Sendable {
        var reached: SocketAddress?
        var error: ConnectionError?
        var milliseconds: Int64
        var served: [SocketAddress]
        var pendingLookUps: Int
    }

    private func run(
        seed: UInt64 = 1, faults: NetworkFaults = NetworkFaults(), listening: [SocketAddress],
        timeout: Duration = .seconds(10), host: String = "host",
        script: @escaping @Sendable (ScriptedResolver) -> Void
    ) throws -> Run {
        let loop = try EventLoop.simulated(seed: seed, faults: faults)
        let result = Box<Run>()
        loop.submit { loop in
            let resolver = ScriptedResolver()
            script(resolver)
            loop.resolver = resolver
            let log = AddressLog()
            let listeners = listening.compactMap { address in
                try? loop.listen(on: address) { _ in
                    log.entries.append(address)
                    return Echo()
                }
            }
            let start = loop.now
            var run = Run(milliseconds: 0, served: [], pendingLookUps: 0)
            do throws(ConnectionError) {
                let recorder = Recorder()
                let channel = try await loop.connect(
                    toHost: host, port: 80, timeout: timeout
                ) { _ in recorder }
                run.milliseconds = (loop.now - start).inMilliseconds
                channel.write([5], on: loop)
                await recorder.wait(on: loop) { $0.bytes == [5] || $0.reason != nil }
                run.reached = log.entries.last
                channel.abort(on: loop)
            } catch {
                run.milliseconds = (loop.now - start).inMilliseconds
                run.error = error
            }
            for listener in listeners { listener.close(on: loop) }
            while loop.resourceCount > 0 { await loop.sleep(for: .milliseconds(1)) }
            #expect(loop.timerCount == 0)
            #expect(loop.dependants.isEmpty)
            run.served = log.entries
            run.pendingLookUps = resolver.pending
            result.set(run)
            loop.stop()
        }
        loop.run()
        return try #require(result.value)
    }

    private let six = SocketAddress.ipv6(0x20 << 64, port: 80, scope: 0)
    private let four = SocketAddress.ipv4(0xc000_0201, port: 80)

    @Test("IPv6 wins where both answer")
    func ipv6First() throws {
        let run = try run(listening: [six, four]) { [six, four] resolver in
            resolver.answer("host", .ipv6, with: [six], after: .milliseconds(30))
            resolver.answer("host", .ipv4, with: [four])
        }
        #expect(run.reached == six)
        #expect(run.served == [six])
        #expect((30..<50).contains(run.milliseconds))
    }

    @Test("a slow IPv6 answer costs the resolution delay and no more")
    func slowAnswer() throws {
        let run = try run(listening: [six, four]) { [six, four] resolver in
            resolver.answer("host", .ipv6, with: [six], after: .milliseconds(300))
            resolver.answer("host", .ipv4, with: [four])
        }
        #expect(run.reached == four)
        #expect((50..<70).contains(run.milliseconds))
        #expect(run.pendingLookUps == 0)
    }

    @Test("a black hole costs the attempt delay and no more")
    func blackHole() throws {
        var faults = NetworkFaults()
        faults.blackHoles = [six]
        let run = try run(faults: faults, listening: [four]) { [six, four] resolver in
            resolver.answer("host", .ipv6, with: [six])
            resolver.answer("host", .ipv4, with: [four])
        }
        #expect(run.reached == four)
        #expect((250..<270).contains(run.milliseconds))
    }

    @Test("a refusal costs nothing")
    func refusal() throws {
        let run = try run(listening: [four]) { [six, four] resolver in
            resolver.answer("host", .ipv6, with: [six])
            resolver.answer("host", .ipv4, with: [four])
        }
        #expect(run.reached == four)
        #expect(run.milliseconds < 20)
    }

    @Test("one family may have no addresses, or no answer")
    func oneFamily() throws {
        for delay in [Duration.zero, nil] {
            let run = try run(listening: [four]) { [four] resolver in
                resolver.fail("host", .ipv6, message: "no such name", after: delay)
                resolver.answer("host", .ipv4, with: [four])
            }
            #expect(run.reached == four)
            #expect(run.milliseconds < 70)
        }
    }

    @Test("everything that failed is told at once")
    func failure() throws {
        let run = try run(listening: []) { [six, four] resolver in
            resolver.answer("host", .ipv6, with: [six])
            resolver.answer("host", .ipv4, with: [four])
        }
        let error = try #require(run.error)
        #expect(error.code == .failed)
        #expect(
            error.description
                == "host:80: no address could be connected to ([0:0:0:20::]:80: connect: "
                + "Connection refused; 192.0.2.1:80: connect: Connection refused)")
    }

    @Test("a name that nobody knows")
    func unknown() throws {
        let run = try run(listening: []) { _ in }
        #expect(run.error?.code == .unresolved)
        #expect(
            run.error?.description
                == "host:80: the name could not be resolved (unknown in the script)")
    }

    @Test("the time is for all of it, and tells what was under way")
    func timeout() throws {
        var faults = NetworkFaults()
        faults.blackHoles = [six, four]
        let run = try run(
            faults: faults, listening: [], timeout: .seconds(1)
        ) { [six, four] resolver in
            resolver.answer("host", .ipv6, with: [six])
            resolver.answer("host", .ipv4, with: [four])
        }
        #expect(run.error?.code == .timedOut)
        #expect(run.error?.attempts.map(\.error.code) == [110, 110])
        #expect((1000..<1020).contains(run.milliseconds))
        let silent = try self.run(listening: [], timeout: .seconds(1)) { resolver in
            resolver.answer("host", .ipv6, with: [], after: nil)
            resolver.answer("host", .ipv4, with: [], after: nil)
        }
        #expect(silent.error?.code == .timedOut)
        #expect(silent.pendingLookUps == 0)
    }

    @Test(
        "numeric hosts are not looked up", arguments: ["192.0.2.1", "::20:0:0:0:0", "[0:0:0:20::]"])
    func numeric(host: String) throws {
        let run = try run(listening: [six, four], host: host) { _ in }
        #expect(run.reached == (host.contains(":") ? six : four))
        let nobody = try self.run(listening: [], host: host) { _ in }
        #expect(nobody.error?.attempts.count == 1)
    }

    @Test("connects whenever an address works, whatever fails besides", arguments: 0..<60)
    func faults(seed: UInt64) throws {
        var random = Generator(state: seed)
        var faults = NetworkFaults.rough
        faults.failedConnections = 0.3
        let sixes = (0..<6).map { SocketAddress.ipv6(0x99 << 64 | $0, port: 80, scope: 0) }
        let fours = (0..<6).map { SocketAddress.ipv4(0xc000_0200 | $0, port: 80) }
        faults.blackHoles = Set((sixes + fours).shuffled(using: &random).prefix(4))
        let delays = (0..<2).map { _ in Int64.random(in: 0..<400, using: &random) }
        let run = try run(
            seed: seed, faults: faults, listening: sixes + fours, timeout: .seconds(10)
        ) { resolver in
            resolver.answer("host", .ipv6, with: sixes, after: .milliseconds(delays[0]))
            resolver.answer("host", .ipv4, with: fours, after: .milliseconds(delays[1]))
        }
        if let error = run.error {
            // Every address that works was tried, and none made it.
            #expect(Set(error.attempts.map(\.address)) == Set(sixes + fours))
        } else {
            #expect(run.served.contains { !faults.blackHoles.contains($0) })
        }
        #expect(run.pendingLookUps == 0)
    }
}

final class AddressLog {
    var entries: [SocketAddress] = []
}

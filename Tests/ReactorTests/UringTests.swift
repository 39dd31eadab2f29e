import Bytes
import CSeccomp
import Glibc
import TestSupport
import Testing

@testable import Reactor

/// What only the io_uring driver has: rings that run full, buffers that run out.
@Suite("io_uring", .serialized, .enabled(if: EventLoop.Backend.ioUring.isAvailable))
struct UringTests {
    /// All that this kernel has, and what kernels of other years have of it.
    static let abilities: [UringAbilities] = {
        guard case .usable(let all) = UringProbe.outcome else { return [] }
        return [all, all.subtracting(.incrementalBuffers), []]
    }()

    private func loop(
        _ abilities: UringAbilities, _ sizes: UringSizes? = nil
    ) throws -> EventLoop {
        try EventLoop(
            driver: UringDriver(abilities, sizes: sizes), backend: .ioUring, description: "test")
    }

    /// Opens `count` connections to an echo server on the same loop.
    private static func clients(
        _ count: Int, on loop: isolated EventLoop
    ) async throws -> [(channel: Channel, recorder: Recorder)] {
        let listener = try loop.listen(on: .loopback()) { _ in Echo() }
        var clients: [(Channel, Recorder)] = []
        for _ in 0..<count {
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(30)
            ) { _ in recorder }
            clients.append((channel, recorder))
        }
        return clients
    }

    private static func exchange(
        _ payload: [UInt8], _ clients: [(channel: Channel, recorder: Recorder)],
        on loop: isolated EventLoop
    ) async {
        for (channel, recorder) in clients {
            recorder.bytes = []
            channel.write(payload, on: loop)
        }
        for (_, recorder) in clients {
            await recorder.wait(on: loop) { $0.bytes.count == payload.count }
            #expect(recorder.bytes == payload)
        }
    }

    @Test("a turn enters the kernel once", arguments: abilities)
    func oneEnter(abilities: UringAbilities) throws {
        try run(loop(abilities)) { loop in
            let driver = try #require(loop.driver as? UringDriver)
            let clients = try await UringTests.clients(64, on: loop)
            await UringTests.exchange([0], clients, on: loop)
            let (turns, enters) = (driver.core.value.waitCount, driver.ring.enterCount)
            for round in 1..<40 { await UringTests.exchange([UInt8(round)], clients, on: loop) }
            let turnsAfter = driver.core.value.waitCount - turns
            let entersAfter = Int(driver.ring.enterCount - enters)
            #expect(turnsAfter >= 39)
            #expect(entersAfter <= turnsAfter)
        }
    }

    @Test("full queues in both directions and empty pools lose nothing", arguments: abilities)
    func tiny(abilities: UringAbilities) throws {
        let sizes = UringSizes(entries: 2, completions: 4, bufferCount: 2, bufferSize: 512)
        let payload = (0..<6_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try run(loop(abilities, sizes)) { loop in
            let driver = try #require(loop.driver as? UringDriver)
            let clients = try await UringTests.clients(20, on: loop)
            for _ in 0..<3 { await UringTests.exchange(payload, clients, on: loop) }
            // The test is of these, so they must have happened.
            #expect(driver.ring.overflowCount > 0)
            #expect(driver.ring.fullCount > 0)
            #expect(driver.core.value.starvedCount > 0)
        }
    }

    @Test("who has no buffer is served although others never stop sending", arguments: abilities)
    func fairness(abilities: UringAbilities) throws {
        let sizes = UringSizes(bufferCount: 2, bufferSize: 4096)
        try run(loop(abilities, sizes)) { loop in
            let driver = try #require(loop.driver as? UringDriver)
            let clients = try await UringTests.clients(12, on: loop)
            // Whoever gets an answer sends at once again, so the greedy ones never rest.
            let greedy = clients[..<8].map { channel, recorder in
                loop.spawn {
                    let payload = [UInt8](repeating: 7, count: 50_000)
                    while !loop.isStopped, !channel.isClosed {
                        recorder.bytes = []
                        channel.write(payload, on: loop)
                        await recorder.wait(on: loop) {
                            $0.bytes.count == payload.count || $0.reason != nil
                        }
                    }
                }
            }
            for round in 0..<10 {
                await UringTests.exchange([UInt8(round)], Array(clients[8...]), on: loop)
            }
            #expect(driver.core.value.starvedCount > 0)
            for (channel, _) in clients { channel.abort(on: loop) }
            for task in greedy { await task.value }
        }
    }

    @Test("stopping with everything under way leaves nothing with the kernel", arguments: abilities)
    func stop(abilities: UringAbilities) throws {
        let loop = try loop(abilities)
        let ends = socketPair()
        let watched = ends.0
        loop.submit { loop in
            guard let clients = try? await UringTests.clients(30, on: loop) else {
                return loop.stop()
            }
            _ = try? loop.watch(watched, for: .readable) { _ in }
            for (index, (channel, _)) in clients.enumerated() {
                if index % 3 == 0 { channel.pauseReading(on: loop) }
                // More than a socket takes: these sends wait in the kernel.
                channel.write([UInt8](repeating: 1, count: 9_000_000), on: loop)
                if index % 4 == 1 { channel.close(on: loop) }
                if index % 4 == 2 { channel.shutdownOutput(on: loop) }
            }
            for _ in 0..<10 { await loop.yield() }
            await loop.sleep(for: .milliseconds(2))
            loop.stop()
        }
        loop.run()
        loop.executor.bind()
        defer { loop.executor.unbind() }
        loop.assumeIsolated { loop in
            #expect(loop.driver.isQuiet)
            #expect(loop.resourceCount <= 0)
        }
        close(ends.0)
        close(ends.1)
    }

    @Test("signals that end the wait are survived", arguments: abilities)
    func interrupted(abilities: UringAbilities) throws {
        cseccomp_count_signal(SIGUSR2)
        let before = cseccomp_signals()
        let isDone = Box<Bool>()
        let hasEnded = Box<Bool>()
        try run(loop(abilities)) { loop in
            let thread = UInt(pthread_self())
            startThread {
                while isDone.value == nil {
                    // One at a time: a storm would leave the loop no time.
                    let count = cseccomp_signals()
                    pthread_kill(pthread_t(thread), SIGUSR2)
                    while cseccomp_signals() == count, isDone.value == nil { sched_yield() }
                }
                hasEnded.set(true)
            }
            let clients = try await UringTests.clients(4, on: loop)
            for round in 0..<200 {
                await UringTests.exchange([UInt8(round)], clients, on: loop)
            }
            // At least one has come while the loop ran.
            while cseccomp_signals() == before { await loop.yield() }
            isDone.set(true)
            // The thread must not outlive the one that it signals.
            while hasEnded.value == nil { await loop.yield() }
        }
    }

    @Test("a wait is as long as it is asked to be, to the nanosecond and not the millisecond")
    func precision() throws {
        try run(loop(UringTests.abilities[0])) { loop in
            let driver = try #require(loop.driver as? UringDriver)
            // A wait of half a millisecond must neither return at once nor round to a whole one;
            // the shortest of many is what the kernel can do on a busy machine.
            var shortest = UInt64.max
            for _ in 0..<50 {
                let start = Instant.now
                driver.ring.wait(500_000)
                shortest = min(shortest, Instant.now.nanoseconds - start.nanoseconds)
            }
            #expect(shortest >= 500_000)
            #expect(shortest < 1_000_000)
        }
    }
}

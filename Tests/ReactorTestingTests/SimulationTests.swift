import Bytes
import Reactor
import ReactorTesting
import Synchronization
import Testing

@Suite("Simulated loops")
struct SimulationTests {
    @Test("the same seed gives the same story, another one another", arguments: 0..<10)
    func seeds(seed: UInt64) throws {
        let story = try tell(seed: seed)
        #expect(try tell(seed: seed) == story)
        #expect(try tell(seed: seed + 1000) != story)
    }

    /// What two ends see of a conversation, with its times.
    private func tell(seed: UInt64) throws -> [String] {
        try onSimulatedLoop(seed: seed, faults: .rough) { loop in
            let log = Log()
            let listener = try loop.listen(on: .loopback()) { _ in
                Teller("server", log, echoes: true)
            }
            let client = Teller("client", log, echoes: false)
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(1)
            ) { _ in client }
            for size in [1, 1_000, 30_000] {
                channel.write([UInt8](repeating: 1, count: size), on: loop)
                await loop.sleep(for: .milliseconds(3))
            }
            while client.count < 31_001 { await loop.sleep(for: .milliseconds(1)) }
            channel.close(on: loop)
            while loop.resourceCount > 1 { await loop.sleep(for: .milliseconds(1)) }
            return log.lines
        }
    }

    @Test("hours pass in no time, in order")
    func time() throws {
        let clock = ManualClock()
        let start = clock.now
        let fired = try onSimulatedLoop(seed: 1, clock: clock) { loop in
            let log = Log()
            loop.schedule(after: .seconds(7200)) { log.lines.append("late") }
            loop.schedule(after: .seconds(60)) { log.lines.append("early") }
            await loop.sleep(for: .seconds(10_000))
            return log.lines
        }
        #expect(fired == ["early", "late"])
        #expect(clock.now - start >= .seconds(10_000))
        #expect(clock.now - start < .seconds(10_001))
    }

    @Test("a clock in hand moves only by hand")
    func byHand() throws {
        let clock = ManualClock(advancesByItself: false)
        let loop = try EventLoop.simulated(seed: 1, clock: clock)
        let fired = Atomic(0)
        loop.submit { loop in
            loop.schedule(after: .seconds(30)) { fired.add(1, ordering: .relaxed) }
        }
        for _ in 0..<10 { #expect(loop.turn(waiting: .zero)) }
        let before = fired.load(ordering: .relaxed)
        #expect(before == 0)
        clock.advance(by: .seconds(29))
        #expect(loop.turn(waiting: .zero))
        clock.advance(by: .seconds(2))
        #expect(loop.turn(waiting: .zero))
        let after = fired.load(ordering: .relaxed)
        #expect(after == 1)
        loop.stop()
        #expect(!loop.turn(waiting: .zero))
    }

    @Test("nobody listening refuses, and a connect that takes too long times out")
    func connecting() throws {
        var faults = NetworkFaults()
        faults.latencyMax = .seconds(100)
        try onSimulatedLoop(seed: 3, faults: faults) { loop in
            await #expect(throws: SystemError("connect", code: 111)) {
                _ = try await loop.connect(to: .loopback(port: 9), timeout: .seconds(200)) { _ in
                    Teller("client", Log(), echoes: false)
                }
            }
            await #expect(throws: SystemError("connect", code: 110)) {
                _ = try await loop.connect(
                    to: .loopback(port: 9), timeout: .milliseconds(1)
                ) { _ in Teller("client", Log(), echoes: false) }
            }
            #expect(loop.resourceCount == 0)
        }
    }

    @Test("connections that break at any write end once, on both sides", arguments: 0..<50)
    func resets(seed: UInt64) throws {
        var faults = NetworkFaults.rough
        faults.resets = 0.05
        try onSimulatedLoop(seed: seed, faults: faults) { loop in
            let log = Log()
            let listener = try loop.listen(on: .loopback()) { _ in
                Teller("server", log, echoes: true)
            }
            for _ in 0..<20 {
                let client = Teller("client", log, echoes: false)
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(1)
                ) { _ in client }
                for _ in 0..<5 {
                    channel.write([UInt8](repeating: 7, count: 2_000), on: loop)
                    await loop.sleep(for: .milliseconds(2))
                }
                channel.close(on: loop)
            }
            while loop.resourceCount > 1 { await loop.sleep(for: .milliseconds(1)) }
            let ends = log.lines.filter { $0.contains("closed") }
            #expect(ends.count == 40)
            #expect(ends.contains { $0.contains("reset") })
        }
    }
}

final class Log {
    var lines: [String] = []
}

/// Writes down what a channel is told, and when.
final class Teller: ChannelHandler {
    private let name: String
    private let log: Log
    private let echoes: Bool
    private(set) var count = 0

    init(_ name: String, _ log: Log, echoes: Bool) {
        self.name = name
        self.log = log
        self.echoes = echoes
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        count += bytes.byteCount
        log.lines.append("\(loop.now.nanoseconds) \(name): \(bytes.byteCount) bytes")
        if echoes { channel.write(bytes, on: loop) }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        log.lines.append("\(loop.now.nanoseconds) \(name): closed, \(reason)")
    }
}

/// Runs `body` on a simulated loop until it returns.
func onSimulatedLoop<Result: Sendable>(
    seed: UInt64, clock: ManualClock = ManualClock(), faults: NetworkFaults = NetworkFaults(),
    _ body: @escaping @Sendable (isolated EventLoop) async throws -> Result
) throws -> Result {
    let loop = try EventLoop.simulated(seed: seed, clock: clock, faults: faults)
    let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    loop.submit { loop in
        do {
            let result = try await body(loop)
            outcome.withLock { $0 = .success(result) }
        } catch {
            outcome.withLock { $0 = .failure(error) }
        }
        loop.stop()
    }
    loop.run()
    return try #require(outcome.withLock { $0 }).get()
}

import Bytes
import CReactor
import Glibc
import ReactorTesting
import TestSupport
import Testing

@testable import Reactor

/// Connections that are opened and dropped in every state one can think of.
@Suite("Churn", .serialized)
struct ChurnTests {
    // In a process of its own, whose descriptors and heap are nobody else's.
    @Test("ten thousand connections leave nothing behind", arguments: kernels)
    func tenThousand(ground: Ground) async throws {
        guard case .kernel(let backend) = ground else { return }
        await #expect(processExitsWith: .success) { [name = backend.rawValue as String] in
            let backend = try #require(EventLoop.Backend(rawValue: name))
            try onLoop(.kernel(backend)) { loop in
                try await churn(batches: 50, of: 200, seed: 1, countsDescriptors: true, on: loop)
            }
        }
    }

    @Test("nor do simulated ones, whatever the network does", arguments: 0..<8)
    func simulated(seed: UInt64) throws {
        var faults = NetworkFaults.rough
        faults.resets = 0.02
        faults.exhaustion = 0.05
        faults.failedConnections = 0.05
        let loop = try EventLoop.simulated(seed: seed, faults: faults)
        let outcome = Box<Result<Void, any Error>>()
        loop.submit { loop in
            do {
                outcome.set(
                    .success(
                        try await churn(
                            batches: 4, of: 50, seed: seed, countsDescriptors: false, on: loop)))
            } catch {
                outcome.set(.failure(error))
            }
            loop.stop()
        }
        loop.run()
        try #require(outcome.value).get()
    }
}

private func churn(
    batches: Int, of size: Int, seed: UInt64, countsDescriptors: Bool, on loop: isolated EventLoop
) async throws {
    let live = Live()
    let random = Randomness(seed)
    let options = ListenerOptions(
        channel: ChannelOptions(
            highWaterMark: 50_000, lowWaterMark: 10_000, lingerTimeout: .milliseconds(50)))
    let listener = try loop.listen(on: .loopback(), options: options) { channel in
        Misbehaviour(channel, random, live, on: loop)
    }
    var (descriptors, heap) = (0, 0)
    for batch in 0..<batches {
        for _ in 0..<size { await open(to: listener.localAddress, options, random, live, on: loop) }
        // Nothing but time closes some of them.
        while loop.resourceCount > 1 || live.count > 0 { await loop.sleep(for: .milliseconds(1)) }
        #expect(loop.timerCount == 0)
        #expect(live.channels.allSatisfy { $0.channel == nil })
        live.channels.removeAll(keepingCapacity: true)
        if countsDescriptors, batch == batches / 5 {
            (descriptors, heap) = (openDescriptors(), heapInUse())
        }
    }
    if countsDescriptors {
        // The test library opens and closes a few of its own meanwhile.
        #expect(abs(openDescriptors() - descriptors) < 10)
        // Eight thousand connections later: a leak of even 32 bytes in each would show.
        #expect(heapInUse() - heap < 200_000)
        #expect(listener.statistics.accepted > batches * size / 2)
    }
    listener.close(on: loop)
    #expect(loop.resourceCount == 0)
}

private func open(
    to address: SocketAddress, _ options: ListenerOptions, _ random: Randomness, _ live: Live,
    on loop: isolated EventLoop
) async {
    switch random.below(10) {
    case 0:
        // Dropped while it connects, at once or a moment later.
        let attempt = try? ConnectionAttempt.start(
            to: address, options: options.channel, on: loop
        ) { _ in }
        if random.below(2) == 0 { await loop.yield() }
        attempt?.cancel(on: loop)
    case 1:
        // It may make it or not.
        let channel = try? await loop.connect(
            to: address, timeout: .zero, options: options.channel
        ) { Misbehaviour($0, random, live, on: loop) }
        _ = channel
    default:
        let channel = try? await loop.connect(
            to: address, timeout: .milliseconds(500), options: options.channel
        ) { Misbehaviour($0, random, live, on: loop) }
        if random.below(4) == 0 { channel?.abort(on: loop) }
    }
}

/// Does something to its channel at random moments, and ends it in one way or another.
private final class Misbehaviour: ChannelHandler {
    private let random: Randomness
    private let live: Live
    private let buffer = SharedBytes([UInt8](repeating: 7, count: 20_000))

    init(_ channel: Channel, _ random: Randomness, _ live: Live, on loop: isolated EventLoop) {
        self.random = random
        self.live = live
        live.count += 1
        live.channels.append(WeakChannel(channel: channel))
        // Whatever else happens, it ends.
        let end = Int64(random.below(30))
        loop.schedule(after: .milliseconds(end)) { self.end(channel, on: loop) }
        for _ in 0..<random.below(3) { act(channel, on: loop) }
    }

    deinit { live.count -= 1 }

    private func act(_ channel: Channel, on loop: isolated EventLoop) {
        switch random.below(9) {
        case 0: channel.write([1, 2, 3], on: loop)
        case 1: for _ in 0..<random.below(60) { channel.write(buffer, on: loop) }
        case 2: channel.pauseReading(on: loop)
        case 3: channel.resumeReading(on: loop)
        case 4: channel.shutdownOutput(on: loop)
        case 5: channel.flush(on: loop)
        case 6: end(channel, on: loop)
        case 7:
            live.count += 1
            loop.spawn {
                await loop.sleep(for: .milliseconds(Int64(self.random.below(10))))
                self.act(channel, on: loop)
                self.live.count -= 1
            }
        default:
            loop.schedule(after: .milliseconds(Int64(random.below(10)))) {
                self.act(channel, on: loop)
            }
        }
    }

    private func end(_ channel: Channel, on loop: isolated EventLoop) {
        switch random.below(3) {
        case 0: channel.abort(on: loop)
        case 1: channel.close(on: loop)
        default: channel.close(lingering: false, on: loop)
        }
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        if random.below(3) == 0 { act(channel, on: loop) }
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        if random.below(2) == 0 { channel.close(on: loop) } else { act(channel, on: loop) }
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        if random.below(3) == 0 { act(channel, on: loop) }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        // All of it must be harmless now.
        act(channel, on: loop)
    }
}

/// What still lives.
private final class Live {
    var count = 0
    var channels: [WeakChannel] = []
}

private struct WeakChannel {
    weak var channel: Channel?
}

private final class Randomness {
    private var generator: Generator
    init(_ seed: UInt64) { generator = Generator(state: seed) }
    func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
}

private func heapInUse() -> Int { Int(creactor_heap_in_use()) }

import Synchronization
import Testing

@testable import Reactor

@Suite("Timer wheel")
struct TimerWheelTests {
    /// Fires what is due by `now`, by portions.
    private func fire(_ wheel: inout TimerWheel, at now: UInt64, portion: Int = .max) {
        while true {
            var budget = portion
            while let body = wheel.popExpired(at: now, budget: &budget) { body() }
            if budget > 0 { return }
        }
    }

    @Test("fires each timer at its tick, compared with a plain list", arguments: 0..<30)
    func model(seed: Int) {
        var random = Generator(state: UInt64(seed))
        var wheel = TimerWheel()
        var expected: [Int: UInt64] = [:]
        var armed: [Int: Timer] = [:]
        let fired = Log()
        // Some start where the top level wraps, or the ticks end.
        let starts: [UInt64] = [0, 1 << 36, .max - (1 << 37)]
        var now = starts[seed % 3] + UInt64.random(in: 0..<1_000_000, using: &random)
        let portion = seed % 2 == 0 ? Int.max : 1 + seed
        fire(&wheel, at: now)
        for step in 0..<2_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 5 where !armed.isEmpty:
                guard let (key, timer) = armed.randomElement(using: &random) else { continue }
                let expiry = now.addingSaturated(
                    UInt64.random(
                        in: 0..<(1 << UInt64.random(in: 1..<38, using: &random)), using: &random))
                #expect(wheel.move(timer, to: expiry) == (expected[key] != nil))
                if expected[key] != nil { expected[key] = expiry }
            case 0..<6:
                let distance = UInt64.random(
                    in: 0..<(1 << UInt64.random(in: 1..<38, using: &random)), using: &random)
                let expiry = now.addingSaturated(distance)
                armed[step] = wheel.insert(expiry: expiry) { fired.entries.append(step) }
                expected[step] = expiry
            case 6:
                guard let (key, timer) = armed.randomElement(using: &random) else { continue }
                #expect((wheel.remove(timer) != nil) == (expected[key] != nil))
                expected[key] = nil
                armed[key] = nil
            default:
                now = now.addingSaturated(
                    UInt64.random(
                        in: 0..<(1 << UInt64.random(in: 1..<32, using: &random)), using: &random))
                fired.entries = []
                fire(&wheel, at: now, portion: portion)
                let due = expected.filter { $0.value <= now }.map(\.key)
                #expect(fired.entries.sorted() == due.sorted())
                for key in due { expected[key] = nil }
            }
            #expect(wheel.count == expected.count)
            if let next = expected.values.min() {
                #expect((wheel.nextTick ?? .max) <= max(next, now))
            } else {
                #expect(wheel.nextTick == nil)
            }
        }
    }

    @Test("sleeps until something expires, not until the wheel would turn", arguments: 0..<10)
    func sleeping(seed: Int) {
        var random = Generator(state: UInt64(seed))
        var wheel = TimerWheel()
        let fired = Log()
        var expiries: [UInt64] = []
        for _ in 0..<200 {
            let expiry = UInt64.random(
                in: 1..<(1 << UInt64.random(in: 1..<40, using: &random)), using: &random)
            expiries.append(expiry)
            _ = wheel.insert(expiry: expiry) { fired.entries.append(Int(expiry)) }
        }
        var wakeUps: [UInt64] = []
        while let next = wheel.nextTick {
            wakeUps.append(next)
            fire(&wheel, at: next)
        }
        #expect(wakeUps == Array(Set(expiries)).sorted())
        #expect(fired.entries == expiries.sorted().map { Int($0) })
    }

    @Test("the end of time is far away, and nothing overflows")
    func farAway() {
        var wheel = TimerWheel()
        let fired = Log()
        fire(&wheel, at: 123_456_789)
        let start: UInt64 = 123_456_789
        let distances: [UInt64] = [.max, 1 << 40, (1 << 36) - 1, 1 << 36, 63 << 30, 64 << 30]
        for distance in distances {
            _ = wheel.insert(expiry: start.addingSaturated(distance)) {
                fired.entries.append(Int(truncatingIfNeeded: distance))
            }
        }
        fire(&wheel, at: 123_456_790)
        #expect(fired.entries.isEmpty)
        fire(&wheel, at: 123_456_789 + (1 << 36))
        #expect(fired.entries == [63 << 30, (1 << 36) - 1, 1 << 36, 64 << 30])
        fire(&wheel, at: 1 << 41)
        #expect(fired.entries.last == 1 << 40)
        #expect(wheel.count == 1)
        #expect(wheel.nextTick == .max)
    }

    @Test("a million timers of one tick fire by portions, and cost 40 bytes each")
    func million() {
        var wheel = TimerWheel()
        let fired = Log()
        fired.entries = [0]
        let timers = (0..<1_000_000).map { _ in
            wheel.insert(expiry: 30_000) { fired.entries[0] += 1 }
        }
        #expect(MemoryLayout<TimerNode>.stride <= 40)
        #expect(wheel.nextTick == 30_000)
        for timer in timers.prefix(500_000) { wheel.remove(timer) }
        #expect(wheel.count == 500_000)
        var rounds = 0
        while wheel.count > 0 {
            let before = fired.entries[0]
            var budget = 256 * TimerWheel.firingCost
            while let body = wheel.popExpired(at: 30_000, budget: &budget) { body() }
            #expect(fired.entries[0] - before <= 256)
            if wheel.count > 0 { #expect(wheel.nextTick.map { $0 <= 30_000 } == true) }
            rounds += 1
        }
        #expect(fired.entries[0] == 500_000)
        #expect(rounds >= 500_000 / 256)
    }

    @Test("timers with tolerance share ticks within it", arguments: 0..<10)
    func tolerance(seed: Int) {
        var random = Generator(state: UInt64(seed))
        for _ in 0..<1_000 {
            let due = UInt64.random(in: 0..<(1 << 41), using: &random)
            let latest = due + UInt64.random(in: 0..<5_000, using: &random)
            let chosen = TimerWheel.shared(from: due, to: latest)
            #expect((due...latest).contains(chosen))
            // The roundest of all: no other has more trailing zeros.
            let best = (due...latest).map(\.trailingZeroBitCount).max() ?? 0
            #expect(chosen == 0 || due == latest || chosen.trailingZeroBitCount == best)
        }
        let ticks = (0..<1_000).map { TimerWheel.shared(from: 90_000 + $0, to: 91_000 + $0) }
        #expect(Set(ticks).count <= 3)
    }

    @Test("what a timer captured goes when it fires, is cancelled, or the wheel goes")
    func captures() {
        final class Captured {
            let log: Log
            init(_ log: Log) { self.log = log }
            deinit { log.entries.append(1) }
        }
        let gone = Log()
        func arm(_ wheel: inout TimerWheel, _ tick: UInt64) -> Timer {
            let captured = Captured(gone)
            return wheel.insert(expiry: tick) { _ = captured }
        }
        do {
            var wheel = TimerWheel()
            _ = arm(&wheel, 1)
            let cancelled = arm(&wheel, 2)
            _ = arm(&wheel, 1_000_000)
            fire(&wheel, at: 1)
            #expect(gone.entries.count == 1)
            wheel.remove(cancelled)
            #expect(gone.entries.count == 2)
            _ = arm(&wheel, 3)
            #expect(wheel.removeAll().count == 2)
            #expect(gone.entries.count == 4)
            #expect(wheel.nextTick == nil)
            _ = arm(&wheel, 5)
        }
        #expect(gone.entries.count == 5)
    }
}

struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var z = state
        z = (z ^ (z >> 33)) &* 0xff51_afd7_ed55_8ccd
        return z ^ (z >> 33)
    }
}

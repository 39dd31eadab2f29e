import Testing

@testable import Reactor

@Suite("Timer wheel")
struct TimerWheelTests {
    @Test("fires each timer at its tick, compared with a plain list", arguments: 0..<20)
    func model(seed: Int) {
        var random = Generator(state: UInt64(seed))
        var wheel = TimerWheel()
        var expected: [Int: UInt64] = [:]
        var armed: [Int: Timer] = [:]
        let fired = Log()
        var now: UInt64 = UInt64.random(in: 0..<1_000_000, using: &random)
        _ = wheel.popExpired(at: now)
        for step in 0..<2_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let distance = UInt64.random(
                    in: 0..<(1 << UInt64.random(in: 1..<30, using: &random)), using: &random)
                armed[step] = wheel.insert(expiry: now + distance) { fired.entries.append(step) }
                expected[step] = now + distance
            case 6:
                guard let (key, timer) = armed.randomElement(using: &random) else { continue }
                #expect(wheel.remove(timer) == (expected[key] != nil))
                expected[key] = nil
                armed[key] = nil
            default:
                now += UInt64.random(
                    in: 0..<(1 << UInt64.random(in: 1..<24, using: &random)), using: &random)
                fired.entries = []
                while let body = wheel.popExpired(at: now) { body() }
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

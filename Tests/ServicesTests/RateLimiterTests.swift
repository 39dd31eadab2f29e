import Configuration
import JSON
import Testing

@testable import Services

@Suite struct RateLimiterTests {
    /// How long one would have to wait; nil if it is allowed.
    private func wait(_ limiter: RateLimiter, _ key: String, isPeek: Bool = false) -> Int64? {
        do throws(MatrixError) {
            try limiter.take(for: key, isPeek: isPeek)
            return nil
        } catch {
            return error.details["retry_after_ms"]?.intValue
        }
    }

    @Test func aBucketEmptiesAndFillsAgain() {
        let hand = Hand()
        let limiter = RateLimiter(RateLimit(perSecond: 0.5, burstCount: 3), clock: hand.clock)
        for _ in 0..<3 { #expect(wait(limiter, "a") == nil) }
        #expect(wait(limiter, "a") == 2000)
        #expect(wait(limiter, "b") == nil)
        hand.advance(1500)
        #expect(wait(limiter, "a") == 500)
        hand.advance(500)
        #expect(wait(limiter, "a", isPeek: true) == nil)
        #expect(wait(limiter, "a") == nil)
        #expect(wait(limiter, "a") == 2000)
        hand.advance(1_000_000)
        for _ in 0..<3 { #expect(wait(limiter, "a") == nil) }
        #expect(wait(limiter, "a") != nil)
    }

    @Test func overTimeTheRateHolds() {
        let hand = Hand()
        let limiter = RateLimiter(RateLimit(perSecond: 10, burstCount: 5), clock: hand.clock)
        var allowed = 0
        for _ in 0..<10_000 {
            if wait(limiter, "a") == nil { allowed += 1 }
            hand.advance(10)
        }
        // 100 seconds at 10 a second, and the burst.
        #expect((1000...1006).contains(allowed))
    }

    @Test func whatIsRememberedIsBounded() {
        let hand = Hand()
        let limiter = RateLimiter(
            RateLimit(perSecond: 0.001, burstCount: 1), clock: hand.clock, keysMax: 2000)
        for number in 0..<20_000 { _ = wait(limiter, "\(number)") }
        #expect(limiter.count <= 2000)
        // The latest are still known.
        #expect(wait(limiter, "19999") != nil)
        let quick = RateLimiter(RateLimit(perSecond: 1000, burstCount: 1), clock: hand.clock)
        for number in 0..<5000 {
            _ = wait(quick, "\(number)")
            hand.advance(1)
        }
        #expect(quick.count <= 1024)
    }

    @Test func nothingIsNeverAgain() {
        let hand = Hand()
        let limiter = RateLimiter(RateLimit(perSecond: 0, burstCount: 1), clock: hand.clock)
        #expect(wait(limiter, "a") == nil)
        #expect(wait(limiter, "a") != nil)
        let closed = RateLimiter(RateLimit(perSecond: 1, burstCount: 0), clock: hand.clock)
        #expect(wait(closed, "a") != nil)
    }
}

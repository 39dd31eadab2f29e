public import Configuration
import JSON

/// Counts how often each key does something, as a bucket of tokens per key. Lives on one loop.
///
/// A bucket is one number: the time at which it would be full again. Keys whose bucket is full are forgotten, so what is
/// kept is bounded by the rate itself and, whatever happens, by `keysMax`.
public final class RateLimiter {
    private let limit: RateLimit
    private let clock: WallClock
    private let keysMax: Int
    /// When each key's bucket is full again, in milliseconds since 1970.
    private var fullAt: [String: Double] = [:]
    private var sweepAt: Int

    /// A limiter that has seen nobody yet.
    public init(_ limit: RateLimit, clock: WallClock, keysMax: Int = 100_000) {
        self.limit = limit
        self.clock = clock
        self.keysMax = keysMax
        sweepAt = min(1024, keysMax)
    }

    /// Milliseconds that one token takes to come back.
    private var interval: Double { limit.perSecond > 0 ? 1000 / limit.perSecond : 1e15 }

    /// Takes `count` tokens of a key's bucket, or with `isPeek` only looks whether one is there.
    ///
    /// Throws M_LIMIT_EXCEEDED, with the time after which it would succeed, and takes nothing.
    public func take(
        _ count: Int = 1, for key: String, isPeek: Bool = false
    ) throws(MatrixError) {
        let now = Double(clock.now)
        let full = max(fullAt[key] ?? now, now)
        let after = full + Double(isPeek ? 1 : count) * interval
        let allowed = now + Double(limit.burstCount) * interval
        // Half a millisecond covers the rounding of the sum.
        guard after <= allowed + 0.5 else {
            throw .limitExceeded(
                retryAfterMilliseconds: Int64(min(after - allowed, 1e12).rounded(.up)))
        }
        guard !isPeek else { return }
        if fullAt.count >= sweepAt { sweep(now) }
        fullAt[key] = after
    }

    /// How many keys are remembered.
    var count: Int { fullAt.count }

    /// Forgets full buckets; if that is not enough, the half that is nearest to full.
    private func sweep(_ now: Double) {
        fullAt = fullAt.filter { $0.value > now }
        if fullAt.count >= keysMax {
            let middle = fullAt.values.sorted()[fullAt.count / 2]
            fullAt = fullAt.filter { $0.value > middle }
        }
        sweepAt = min(max(1024, fullAt.count * 2), keysMax)
    }
}

extension MatrixError {
    /// 429: too often; the time after which trying again makes sense.
    public static func limitExceeded(retryAfterMilliseconds: Int64) -> MatrixError {
        MatrixError(
            429, "M_LIMIT_EXCEEDED", "Too Many Requests",
            details: ["retry_after_ms": .integer(max(1, retryAfterMilliseconds))])
    }
}

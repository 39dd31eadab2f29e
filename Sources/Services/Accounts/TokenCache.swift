import JSON
public import Postgres
public import Reactor
public import Storage

/// Who the access tokens in use speak for, without asking the database at each request. Lives on one loop; the
/// main process and every worker have one of their own, and the `caches` stream tells them what to forget.
public final class TokenCache {
    /// The cache's name in the `caches` stream.
    public static let name = "get_user_by_access_token"

    private struct Entry {
        let owner: AccessTokens.Owner
        let readAt: Int64
    }

    private let pool: PostgresPool
    private let clock: WallClock
    private let entriesMax: Int
    /// Even if an invalidation were lost, a token that was logged out ends within this time.
    private let lifetimeMilliseconds: Int64 = 300_000
    private var entries: [String: Entry] = [:]
    /// Counts invalidations, so that an answer read before one is not kept after it.
    private var generation = 0

    /// A cache that reads from `pool` and holds at most `entriesMax` tokens.
    public init(pool: PostgresPool, clock: WallClock = .system, entriesMax: Int = 100_000) {
        self.pool = pool
        self.clock = clock
        self.entriesMax = entriesMax
    }

    /// Who `token` speaks for. Throws M_UNKNOWN_TOKEN.
    public func owner(
        of token: String, on loop: isolated EventLoop
    ) async throws -> AccessTokens.Owner {
        let now = clock.now
        if let entry = entries[token], now - entry.readAt < lifetimeMilliseconds {
            return try checked(entry.owner, now: now)
        }
        let before = generation
        guard let owner = try await AccessTokens.owner(of: token, in: pool, on: loop) else {
            entries[token] = nil
            throw MatrixError.unknownToken
        }
        if before == generation {
            // Rather than order the entries by use, the rare full cache starts anew.
            if entries.count >= entriesMax { entries.removeAll(keepingCapacity: true) }
            entries[token] = Entry(owner: owner, readAt: now)
        }
        return try checked(owner, now: now)
    }

    /// The owner of a token that is in the cache already; nil means that it must be looked up.
    public func cachedOwner(
        of token: String, on loop: isolated EventLoop
    ) -> AccessTokens.Owner? {
        let now = clock.now
        guard let entry = entries[token], now - entry.readAt < lifetimeMilliseconds else {
            return nil
        }
        // An expired one is looked up, and refused there with its reason.
        return try? checked(entry.owner, now: now)
    }

    /// Forgets tokens, or all with nil.
    public func invalidate(_ tokens: [String]?, on loop: isolated EventLoop) {
        generation += 1
        guard let tokens else { return entries.removeAll() }
        for token in tokens { entries[token] = nil }
    }

    private func checked(
        _ owner: AccessTokens.Owner, now: Int64
    ) throws(MatrixError) -> AccessTokens.Owner {
        if owner.isLocked {
            throw MatrixError(
                401, "M_USER_LOCKED", "This account has been locked",
                details: ["soft_logout": true])
        }
        if let end = owner.validUntil, end < now {
            throw MatrixError(
                401, "M_UNKNOWN_TOKEN", "Access token has expired", details: ["soft_logout": true])
        }
        return owner
    }
}

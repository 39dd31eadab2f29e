public import JSON
public import Postgres
public import Reactor
import Storage

/// How many keys a device has left with which others can begin to talk to it.
public struct KeyCounts: Sendable, Hashable {
    /// One-time keys by algorithm.
    public var oneTimeKeys: JSON = ["signed_curve25519": 0]
    /// Algorithms whose fallback key has not been used.
    public var unusedFallbacks: [String] = []

    /// No keys. The usual algorithm is counted even so: clients wait for that number.
    public init() {}

    /// What the statements of `OneTimeKeys.readingCounts` gave.
    init(_ results: some Collection<Rows>) throws(PostgresError) {
        var iterator = results.makeIterator()
        guard let counts = iterator.next(), let fallbacks = iterator.next() else { return }
        for (algorithm, count) in try OneTimeKeys.counts(counts) {
            oneTimeKeys[algorithm] = .integer(count)
        }
        unusedFallbacks = try OneTimeKeys.unusedFallbacks(fallbacks)
    }

    /// Reads a device's counts.
    public static func read(
        userID: String, deviceID: String, in pool: PostgresPool, on loop: isolated EventLoop
    ) async throws -> KeyCounts {
        let statements = OneTimeKeys.readingCounts(userID: userID, deviceID: deviceID)
        return try KeyCounts(try await pool.queryAll(statements, on: loop))
    }
}

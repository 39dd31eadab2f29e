internal import Reactor
internal import Synchronization

/// Adds up how long a task waits for its statements: for a connection, the server and the way there and back.
///
/// ```swift
/// let clock = StatementClock()
/// try await StatementClock.$current.withValue(clock) { try await work() }
/// print(clock.time, clock.count)
/// ```
public final class StatementClock: Sendable {
    /// The clock of the task that asks, if somebody wants to know.
    @TaskLocal public static var current: StatementClock?

    private let nanoseconds = Atomic<Int64>(0)
    private let statements = Atomic<Int>(0)

    /// A clock at zero.
    public init() {}

    /// The time so far. What several statements wait for at once counts for each.
    public var time: Duration { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }

    /// The statements so far.
    public var count: Int { statements.load(ordering: .relaxed) }

    func add(_ time: Duration, statements count: Int) {
        let (seconds, attoseconds) = time.components
        let sum = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        nanoseconds.add(sum, ordering: .relaxed)
        statements.add(count, ordering: .relaxed)
    }
}

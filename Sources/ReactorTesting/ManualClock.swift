public import Reactor
internal import Synchronization

/// The time of a simulated loop: it moves when told to, or when the loop would sleep.
public final class ManualClock: Sendable {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000)

    /// Whether a loop that would sleep moves the clock to what it sleeps for, so that timeouts of
    /// hours cost nothing.
    public let advancesByItself: Bool

    /// A clock at one second after its start.
    public init(advancesByItself: Bool = true) { self.advancesByItself = advancesByItself }

    /// The reading.
    public var now: Instant {
        Instant(nanoseconds: nanoseconds.load(ordering: .relaxed))
    }

    /// Moves the clock forward. Any thread; a loop notices at its next turn.
    public func advance(by duration: Duration) { advance(to: now + duration) }

    /// Moves the clock forward to an instant; never backward.
    public func advance(to instant: Instant) {
        nanoseconds.max(instant.nanoseconds, ordering: .relaxed)
    }
}

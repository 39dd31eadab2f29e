import Glibc
import Reactor
import ReplicationWire

/// Reads the loop's clock and the wall's for the links, once a turn.
final class LinkClock {
    private let origin: Instant
    private var readAt: Instant?
    private var reading = LinkTime(monotonic: .zero, unixMilliseconds: 0)

    init(on loop: isolated EventLoop) { origin = loop.now }

    func now(on loop: isolated EventLoop) -> LinkTime {
        guard readAt != loop.now else { return reading }
        readAt = loop.now
        var wall = timespec()
        clock_gettime(CLOCK_REALTIME, &wall)
        reading = LinkTime(
            monotonic: loop.now - origin,
            unixMilliseconds: Int64(wall.tv_sec) * 1000 + Int64(wall.tv_nsec) / 1_000_000)
        return reading
    }

    /// How long until a deadline of a link; never negative.
    func wait(until deadline: Duration, on loop: isolated EventLoop) -> Duration {
        max(.zero, deadline - (loop.now - origin))
    }
}

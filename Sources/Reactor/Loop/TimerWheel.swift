/// Names a timer that ``EventLoop/schedule(after:_:)`` armed. Cancelling a timer that has fired or
/// was cancelled does nothing, however often its storage was used again. Timers of the same
/// millisecond fire in no particular order.
public struct Timer: Sendable, Hashable {
    let index: UInt32
    let generation: UInt32
}

/// A hierarchical timing wheel: arming, cancelling and firing cost O(1) whatever the number of
/// timers (Varghese and Lauck, SOSP 1987).
///
/// Six levels of 64 slots; a tick is a millisecond, so level 0 spans 64 ms and level 5 two years.
/// A timer lies on the level of the highest digit (base 64) in which its expiry differs from the
/// wheel's time, and moves down a level each time the wheel reaches its slot. One bitmap a level
/// makes the next expiry a handful of bit operations.
struct TimerWheel {
    typealias Body = () -> Void

    private struct Node {
        var expiry: UInt64 = 0
        var body: Body?
        var next: UInt32 = TimerWheel.none
        var previous: UInt32 = TimerWheel.none
        var generation: UInt32 = 0
        /// The slot whose list holds the node: level * 64 + slot, `expiredList`, or `none`.
        var list: UInt32 = TimerWheel.none
    }

    private static let none = UInt32.max
    private static let levels = 6
    private static let expiredList = UInt32(levels * 64)
    /// Expiries further away than the wheel spans are clamped: two years are for ever.
    private static let span: UInt64 = 1 << 36

    private var nodes: [Node] = []
    private var free: [UInt32] = []
    private var heads = [UInt32](repeating: TimerWheel.none, count: levels * 64 + 1)
    private var occupied = [UInt64](repeating: 0, count: levels)
    /// The tick up to which the wheel has turned.
    private var elapsed: UInt64 = 0
    private(set) var count = 0

    /// Arms a timer that expires at `tick`; one in the past expires at once.
    mutating func insert(expiry tick: UInt64, body: @escaping Body) -> Timer {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            index = UInt32(nodes.count)
            nodes.append(Node())
        }
        nodes[Int(index)].body = body
        nodes[Int(index)].expiry = min(tick, elapsed &+ TimerWheel.span - 1)
        link(index)
        count += 1
        return Timer(index: index, generation: nodes[Int(index)].generation)
    }

    /// Disarms a timer. Returns whether it was still armed.
    @discardableResult
    mutating func remove(_ timer: Timer) -> Bool {
        guard timer.index < nodes.count, nodes[Int(timer.index)].generation == timer.generation,
            nodes[Int(timer.index)].list != TimerWheel.none
        else { return false }
        unlink(timer.index)
        _ = release(timer.index)
        return true
    }

    /// The tick at which ``popExpired(at:)`` has something to do next, or `nil` without timers.
    ///
    /// It may be earlier than the first expiry: on higher levels it is the moment at which the
    /// wheel must move timers down.
    var nextTick: UInt64? {
        if heads[Int(TimerWheel.expiredList)] != TimerWheel.none { return elapsed }
        return nextSlot?.deadline
    }

    /// Takes out one timer that has expired by `tick`, or turns the wheel to `tick` and returns `nil`.
    mutating func popExpired(at tick: UInt64) -> Body? {
        while true {
            let head = heads[Int(TimerWheel.expiredList)]
            if head != TimerWheel.none {
                unlink(head)
                return release(head)
            }
            guard let (slot, deadline) = nextSlot, deadline <= tick else {
                elapsed = max(elapsed, tick)
                return nil
            }
            elapsed = max(elapsed, deadline)
            var index = heads[slot]
            while index != TimerWheel.none {
                let next = nodes[Int(index)].next
                unlink(index)
                link(index)
                index = next
            }
        }
    }

    /// Takes out every timer, unfired.
    mutating func removeAll() -> [Body] {
        var bodies: [Body] = []
        for index in nodes.indices where nodes[index].list != TimerWheel.none {
            unlink(UInt32(index))
            if let body = release(UInt32(index)) { bodies.append(body) }
        }
        return bodies
    }

    private var nextSlot: (slot: Int, deadline: UInt64)? {
        for level in 0..<TimerWheel.levels where occupied[level] != 0 {
            let shift = UInt64(6 * level)
            let current = elapsed >> shift & 63
            let ahead = occupied[level].rotatedRight(by: current).trailingZeroBitCount
            let slot = (current + UInt64(ahead)) & 63
            let start = (elapsed >> (shift + 6)) << (shift + 6)
            var deadline = start + (slot << shift)
            // Only the top level can wrap: below it a slot behind us would be on a higher level.
            if slot < current { deadline += 64 << shift }
            return (level * 64 + Int(slot), max(deadline, elapsed))
        }
        return nil
    }

    private mutating func link(_ index: UInt32) {
        let expiry = nodes[Int(index)].expiry
        let list: UInt32
        if expiry <= elapsed {
            list = TimerWheel.expiredList
        } else {
            let digits = (elapsed ^ expiry) | 63
            let level = min((63 - digits.leadingZeroBitCount) / 6, TimerWheel.levels - 1)
            let slot = expiry >> UInt64(6 * level) & 63
            occupied[level] |= 1 << slot
            list = UInt32(level * 64) + UInt32(slot)
        }
        let head = heads[Int(list)]
        nodes[Int(index)].list = list
        nodes[Int(index)].next = head
        nodes[Int(index)].previous = TimerWheel.none
        if head != TimerWheel.none { nodes[Int(head)].previous = index }
        heads[Int(list)] = index
    }

    private mutating func unlink(_ index: UInt32) {
        let node = nodes[Int(index)]
        if node.previous == TimerWheel.none {
            heads[Int(node.list)] = node.next
        } else {
            nodes[Int(node.previous)].next = node.next
        }
        if node.next != TimerWheel.none { nodes[Int(node.next)].previous = node.previous }
        if node.list < TimerWheel.expiredList, heads[Int(node.list)] == TimerWheel.none {
            occupied[Int(node.list / 64)] &= ~(1 << UInt64(node.list % 64))
        }
        nodes[Int(index)].list = TimerWheel.none
    }

    private mutating func release(_ index: UInt32) -> Body? {
        let body = nodes[Int(index)].body.take()
        nodes[Int(index)].generation &+= 1
        free.append(index)
        count -= 1
        return body
    }
}

extension UInt64 {
    fileprivate func rotatedRight(by count: UInt64) -> UInt64 {
        count == 0 ? self : self >> count | self << (64 - count)
    }
}

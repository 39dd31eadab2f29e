/// Names a timer that ``EventLoop/schedule(after:tolerance:_:)`` armed. Cancelling a timer that has
/// fired or was cancelled does nothing, however often its storage was used again. Timers of the
/// same millisecond fire in no particular order.
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
///
/// However many timers expire or move at one tick, they do so by portions (see ``popExpired(at:budget:)``).
struct TimerWheel: ~Copyable {
    typealias Body = () -> Void

    private static let levels = 6
    private static let slots = levels * 64
    private static let expiredList = UInt32(slots)
    /// As far ahead as a timer is placed: one that is due later moves on from there. A slot less
    /// than the wheel spans, for a whole turn ahead is the slot that the wheel is in.
    private static let reach: UInt64 = 63 << 30
    /// What firing costs of a budget, where moving a timer down costs 1.
    static let firingCost = 16

    private var nodes = TimerStore()
    private var heads = [UInt32](repeating: TimerNode.none, count: slots + 1)
    /// Nothing in a slot expires before this. It is not raised when the first timer is cancelled,
    /// which costs a needless wake-up at most.
    private var earliest = [UInt64](repeating: .max, count: slots)
    private var occupied = [UInt64](repeating: 0, count: levels)
    /// The slot whose timers are being moved down.
    private var moving: Int?
    /// The tick up to which the wheel has turned.
    private var elapsed: UInt64 = 0
    private(set) var count = 0

    /// Arms a timer that expires at `tick`; one in the past expires at once.
    mutating func insert(expiry tick: UInt64, body: @escaping Body) -> Timer {
        let index = nodes.take()
        let node = nodes.at(index)
        node.pointee.body = body
        node.pointee.expiry = tick
        link(index)
        count += 1
        return Timer(index: index, generation: node.pointee.generation)
    }

    /// Has a timer expire at `tick` instead. Returns whether it was still armed.
    mutating func move(_ timer: Timer, to tick: UInt64) -> Bool {
        guard timer.index < nodes.capacity else { return false }
        let node = nodes.at(timer.index)
        guard node.pointee.generation == timer.generation, node.pointee.list != TimerNode.none
        else { return false }
        unlink(timer.index)
        node.pointee.expiry = tick
        link(timer.index)
        return true
    }

    /// Disarms a timer. Returns its body if it was still armed.
    @discardableResult
    mutating func remove(_ timer: Timer) -> Body? {
        guard timer.index < nodes.capacity else { return nil }
        let node = nodes.at(timer.index)
        guard node.pointee.generation == timer.generation, node.pointee.list != TimerNode.none
        else { return nil }
        unlink(timer.index)
        return release(timer.index)
    }

    /// The tick at which something expires next, or `nil` without timers. It is never late, and
    /// early only where the first timer of a slot was cancelled.
    var nextTick: UInt64? {
        if heads[Int(TimerWheel.expiredList)] != TimerNode.none || moving != nil { return elapsed }
        return nextSlot.map { max(earliest[$0.slot], elapsed) }
    }

    /// Takes out one timer that has expired by `tick`; turns the wheel to `tick` and returns `nil`
    /// if there is none. Also returns `nil` once `budget` is used up, though more may be due; it is
    /// charged ``firingCost`` for a timer and 1 for each that moves down a level on the way.
    mutating func popExpired(at tick: UInt64, budget: inout Int) -> Body? {
        while budget > 0 {
            let expired = heads[Int(TimerWheel.expiredList)]
            if expired != TimerNode.none { return fire(expired, &budget) }
            if let slot = moving {
                let index = heads[slot]
                if index == TimerNode.none {
                    moving = nil
                } else {
                    budget -= 1
                    unlink(index)
                    link(index)
                }
                continue
            }
            guard let (slot, deadline) = nextSlot, deadline <= tick else {
                elapsed = max(elapsed, tick)
                return nil
            }
            elapsed = max(elapsed, deadline)
            // On the lowest level all timers of a slot expire at its one tick.
            if slot < 64 { return fire(heads[slot], &budget) }
            moving = slot
        }
        return nil
    }

    /// Takes out every timer, unfired.
    mutating func removeAll() -> [Body] {
        var bodies: [Body] = []
        for index in 0..<UInt32(nodes.capacity) where nodes.at(index).pointee.list != TimerNode.none
        {
            unlink(index)
            if let body = release(index) { bodies.append(body) }
        }
        moving = nil
        return bodies
    }

    /// The tick in `due...latest` that is a multiple of the highest power of two, so that timers
    /// whose ranges overlap tend to choose the same.
    static func shared(from due: UInt64, to latest: UInt64) -> UInt64 {
        guard latest > due, due > 0 else { return due }
        let differing = (due - 1) ^ latest
        return latest & ~((1 << UInt64(63 - differing.leadingZeroBitCount)) - 1)
    }

    private mutating func fire(_ index: UInt32, _ budget: inout Int) -> Body? {
        budget -= TimerWheel.firingCost
        unlink(index)
        return release(index)
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
        let node = nodes.at(index)
        let expiry = node.pointee.expiry
        let list: UInt32
        if expiry <= elapsed {
            list = TimerWheel.expiredList
        } else {
            let place = min(expiry, elapsed.addingSaturated(TimerWheel.reach))
            let digits = (elapsed ^ place) | 63
            let level = min((63 - digits.leadingZeroBitCount) / 6, TimerWheel.levels - 1)
            let slot = place >> UInt64(6 * level) & 63
            occupied[level] |= 1 << slot
            list = UInt32(level * 64) + UInt32(slot)
            earliest[Int(list)] = min(earliest[Int(list)], expiry)
        }
        let head = heads[Int(list)]
        node.pointee.list = list
        node.pointee.next = head
        node.pointee.previous = TimerNode.none
        if head != TimerNode.none { nodes.at(head).pointee.previous = index }
        heads[Int(list)] = index
    }

    private mutating func unlink(_ index: UInt32) {
        let node = nodes.at(index)
        let (list, next, previous) = (
            node.pointee.list, node.pointee.next, node.pointee.previous
        )
        if previous == TimerNode.none {
            heads[Int(list)] = next
        } else {
            nodes.at(previous).pointee.next = next
        }
        if next != TimerNode.none { nodes.at(next).pointee.previous = previous }
        if list < TimerWheel.expiredList, heads[Int(list)] == TimerNode.none {
            occupied[Int(list / 64)] &= ~(1 << UInt64(list % 64))
            earliest[Int(list)] = .max
        }
        node.pointee.list = TimerNode.none
    }

    private mutating func release(_ index: UInt32) -> Body? {
        let node = nodes.at(index)
        let body = node.pointee.body.take()
        node.pointee.generation &+= 1
        nodes.giveBack(index)
        count -= 1
        return body
    }
}

extension UInt64 {
    fileprivate func rotatedRight(by count: UInt64) -> UInt64 {
        count == 0 ? self : self >> count | self << (64 - count)
    }
}

/// What a slot of the loop's table holds.
enum Resource {
    case free
    case wake
    case listener(Listener)
    case channel(Channel)
    case connecting(ConnectionAttempt)
    case watch(Watch)
}

/// The loop's descriptors: a slab, so that a completion finds its owner by index. Every use of a
/// slot has a generation, and a token of an earlier one finds nobody.
struct SlotTable {
    private struct Slot {
        var resource: Resource
        var generation: UInt32
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []
    private(set) var count = 0
    private(set) var channelCount = 0

    mutating func insert(_ resource: Resource) -> Token {
        count += 1
        if let index = free.popLast() {
            slots[Int(index)].resource = resource
            return Token(slot: index, generation: slots[Int(index)].generation)
        }
        slots.append(Slot(resource: resource, generation: 0))
        return Token(slot: UInt32(slots.count - 1), generation: 0)
    }

    subscript(token: Token) -> Resource {
        let slot = slots[Int(token.slot)]
        return slot.generation == token.generation ? slot.resource : .free
    }

    /// Returns what the slot held, so that its last reference goes when the table is at rest.
    mutating func replace(_ resource: Resource, at token: Token) -> Resource {
        precondition(slots[Int(token.slot)].generation == token.generation, "stale token")
        let earlier = slots[Int(token.slot)].resource
        slots[Int(token.slot)].resource = resource
        if case .channel = resource { channelCount += 1 }
        if case .channel = earlier { channelCount -= 1 }
        return earlier
    }

    /// Frees the slot and returns what it held.
    mutating func remove(_ token: Token) -> Resource {
        let resource = replace(.free, at: token)
        slots[Int(token.slot)].generation = (token.generation + 1) & 0x0fff_ffff
        free.append(token.slot)
        count -= 1
        return resource
    }

    func all() -> [Resource] { slots.map(\.resource) }
}

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
        get {
            let slot = slots[Int(token.slot)]
            return slot.generation == token.generation ? slot.resource : .free
        }
        set {
            precondition(slots[Int(token.slot)].generation == token.generation, "stale token")
            slots[Int(token.slot)].resource = newValue
        }
    }

    mutating func remove(_ token: Token) {
        precondition(slots[Int(token.slot)].generation == token.generation, "stale token")
        slots[Int(token.slot)].resource = .free
        slots[Int(token.slot)].generation = (token.generation + 1) & 0x0fff_ffff
        free.append(token.slot)
        count -= 1
    }

    func all() -> [Resource] { slots.map(\.resource) }
}

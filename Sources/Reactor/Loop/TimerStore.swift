/// What the wheel keeps of one timer: 40 bytes, the body's captures apart.
struct TimerNode {
    /// The tick at which it expires.
    var expiry: UInt64 = 0
    var body: TimerWheel.Body?
    /// Neighbours in the list, or the next free node.
    var next = TimerNode.none
    var previous = TimerNode.none
    var generation: UInt32 = 0
    /// The list that holds the node, or `none`.
    var list = TimerNode.none

    static let none = UInt32.max
}

/// The wheel's nodes by index, in chunks that stay where they are: growing copies nothing, so
/// arming the millionth timer takes as long as the first. Freed nodes are used again; the memory is
/// kept.
struct TimerStore: ~Copyable {
    private static let shift: UInt32 = 8
    private static let chunk = 1 << Int(shift)

    private var chunks: [UnsafeMutablePointer<TimerNode>] = []
    private var free = TimerNode.none

    deinit {
        for chunk in chunks {
            chunk.deinitialize(count: TimerStore.chunk)
            chunk.deallocate()
        }
    }

    /// The number of nodes, free ones included.
    var capacity: Int { chunks.count << Int(TimerStore.shift) }

    @inline(__always)
    func at(_ index: UInt32) -> UnsafeMutablePointer<TimerNode> {
        chunks[Int(index >> TimerStore.shift)] + Int(index & UInt32(TimerStore.chunk - 1))
    }

    /// A node that is in no list.
    mutating func take() -> UInt32 {
        if free == TimerNode.none { grow() }
        let index = free
        free = at(index).pointee.next
        return index
    }

    mutating func giveBack(_ index: UInt32) {
        at(index).pointee.next = free
        free = index
    }

    private mutating func grow() {
        let first = UInt32(capacity)
        let memory = UnsafeMutablePointer<TimerNode>.allocate(capacity: TimerStore.chunk)
        memory.initialize(repeating: TimerNode(), count: TimerStore.chunk)
        chunks.append(memory)
        for index in (first..<UInt32(capacity)).reversed() { giveBack(index) }
    }
}

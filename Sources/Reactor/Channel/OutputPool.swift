/// Output queues that channels of one loop take turns with: a channel has one only while it has
/// something to write, so idle channels hold no memory for it and busy ones allocate none.
struct OutputPool: ~Copyable {
    /// A queue on loan. Whoever holds it gives it back or destroys it, once.
    typealias Loan = UnsafeMutablePointer<OutputQueue>

    /// Beyond it queues are freed: a fan-out's crowd should not keep its memory for ever.
    private static let spareMax = 256

    private var spare: [Loan] = []

    init() { spare.reserveCapacity(OutputPool.spareMax) }

    deinit { for queue in spare { OutputPool.destroy(queue) } }

    /// An empty queue.
    mutating func take() -> Loan {
        spare.popLast() ?? OutputPool.make()
    }

    /// An empty queue that did not come from a pool, though it may be given back to one.
    static func make() -> Loan {
        let queue = Loan.allocate(capacity: 1)
        queue.initialize(to: OutputQueue(keepsMemory: true))
        return queue
    }

    /// Takes back an empty queue.
    mutating func giveBack(_ queue: Loan) {
        guard spare.count < OutputPool.spareMax else { return OutputPool.destroy(queue) }
        spare.append(queue)
    }

    /// Ends a loan for good.
    static func destroy(_ queue: Loan) {
        queue.deinitialize(count: 1)
        queue.deallocate()
    }
}

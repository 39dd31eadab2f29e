internal import Synchronization

/// Where other threads leave jobs for a loop: lock-free, any number of producers, one consumer.
///
/// One word is all there is, and it tells both what is left and whether anybody must wake the
/// loop: it holds ``awake`` (nothing is left, the loop will look again before it sleeps),
/// ``asleep`` (nothing is left and the loop sleeps or is about to), or the address of the node
/// that was left last, which links to the one before it.
///
/// - **No wake-up is lost, and there is at most one per sleep.** Every change of the word is a
///   read-modify-write, so all changes have one order. A sleep begins with the change from
///   ``awake`` to ``asleep``, which fails if something is left. The producer whose change finds
///   ``asleep`` is the only one that wakes, as it replaces that by its node; only the loop brings
///   ``asleep`` back.
/// - **Order.** The consumer takes everything by one exchange and reverses it: jobs run in the order
///   of the changes that left them, which for one producer is its own.
/// - **No ABA.** Nodes are never taken out singly; a producer only compares the word with what
///   it linked to, and if another chain with the same last node is there by now, the link
///   is right all the same.
/// - **Memory.** A producer writes its node, then changes the word with release. The consumer's
///   exchange acquires: later producers' changes continue the release sequence of earlier ones, so
///   the consumer sees what each of them wrote.
struct Inbox: ~Copyable, Sendable {
    private static let awake = JobNode.end
    private static let asleep: UInt = 1

    /// Asleep at first: whoever hosts the loop may poll before the first turn.
    private let word = Atomic<UInt>(Inbox.asleep)

    /// Whether there is something to take: one load.
    @inline(__always)
    var hasJobs: Bool { word.load(ordering: .relaxed) > Inbox.asleep }

    /// Leaves a node, unless that takes waking the loop. Any thread. Once it has returned true,
    /// the job may have run and the loop may be gone.
    @inline(__always)
    func leave(_ node: UInt) -> Bool {
        var found = word.load(ordering: .relaxed)
        while found != Inbox.asleep {
            JobNode.at(node).pointee.link.store(found, ordering: .relaxed)
            let (done, now) = word.weakCompareExchange(
                expected: found, desired: node, successOrdering: .releasing,
                failureOrdering: .relaxed)
            if done { return true }
            found = now
        }
        return false
    }

    /// Leaves a node, whatever that takes; returns whether the caller must wake the loop.
    func leaveWaking(_ node: UInt) -> Bool {
        var found = word.load(ordering: .relaxed)
        while true {
            let older = found == Inbox.asleep ? JobNode.end : found
            JobNode.at(node).pointee.link.store(older, ordering: .relaxed)
            let (done, now) = word.weakCompareExchange(
                expected: found, desired: node, successOrdering: .releasing,
                failureOrdering: .relaxed)
            if done { return found == Inbox.asleep }
            found = now
        }
    }

    /// Takes all jobs, oldest first, and notes that the loop is awake. On the loop.
    func takeAll() -> JobChain? {
        guard word.load(ordering: .relaxed) != Inbox.awake else { return nil }
        let newest = word.exchange(Inbox.awake, ordering: .acquiring)
        guard newest > Inbox.asleep else { return nil }
        var node = newest
        var newer = JobNode.end
        while true {
            let older = JobNode.at(node).pointee.link.load(ordering: .relaxed)
            JobNode.at(node).pointee.link.store(newer, ordering: .relaxed)
            guard older != JobNode.end else { return JobChain(first: node, last: newest) }
            (newer, node) = (node, older)
        }
    }

    /// Notes that the loop is about to sleep, or returns false because it must not. On the loop.
    func beginSleep() -> Bool {
        let (done, found) = word.compareExchange(
            expected: Inbox.awake, desired: Inbox.asleep, ordering: .relaxed)
        return done || found == Inbox.asleep
    }
}

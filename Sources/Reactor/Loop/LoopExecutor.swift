internal import Glibc
internal import Synchronization

/// Takes jobs for one loop from any thread.
///
/// It is both the loop's serial executor and its task executor, so that a task which prefers the
/// loop and enters its actor changes neither and never goes through the queue to do so. Jobs of
/// the loop's own thread go into a plain list, those of other threads into a lock-free one, and
/// neither allocates. Messages (``EventLoop/post(_:)``) go the same ways.
public final class LoopExecutor: SerialExecutor, TaskExecutor {
    /// Passes over the jobs that one call of ``runJobs(on:)`` makes at most.
    private static let passesMax = 64

    private let inbox = Inbox()
    private let queue = JobQueue()
    private let stopRequested = Atomic(false)
    private let isClosed = Atomic(false)
    /// Threads between announcing that they may wake the loop and having done so.
    private let wakers = Atomic(0)
    private let thread = Atomic<UInt>(0)
    private let wakeDescriptor: Descriptor

    init(wakeDescriptor: consuming Descriptor) { self.wakeDescriptor = wakeDescriptor }

    deinit {
        // What a thread leaves may run, and end the loop, before that thread has written to the
        // descriptor; it would write into what reuses the number.
        while wakers.load(ordering: .acquiring) != 0 { sched_yield() }
        collect()
        var next = queue.takeAll()
        while next != JobNode.end {
            let node = next
            next = JobNode.at(node).pointee.link.load(ordering: .relaxed)
            JobNode.drop(node)
        }
    }

    /// Readable once somebody has woken the loop.
    var wakeFile: Int32 { wakeDescriptor.raw }

    // MARK: Any thread

    /// Queues a job; wakes the loop if it sleeps. Any thread.
    public func enqueue(_ job: consuming ExecutorJob) { leave(JobNode.place(job)) }

    /// Queues a message; wakes the loop if it sleeps. Any thread. Returns false, and lets go of
    /// the message, if the loop has stopped.
    func post(_ body: @escaping JobNode.Body) -> Bool {
        guard !isClosed.load(ordering: .relaxed) else { return false }
        leave(JobNode.place(body))
        return true
    }

    @inline(__always)
    private func leave(_ node: UInt) {
        if isOnLoop {
            // The current turn looks at the queue again before it sleeps.
            queue.append(JobChain(first: node, last: node))
        } else if !inbox.leave(node) {
            leaveWaking(node)
        }
    }

    /// The executor as the runtime names it.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    /// Whether the calling thread is the loop's.
    public func isIsolatingCurrentContext() -> Bool? { isOnLoop }

    /// Traps unless the calling thread is the loop's.
    public func checkIsolated() {
        precondition(isOnLoop, "not on the event loop's thread")
    }

    /// No other thread stores what this one compares with, so a relaxed load is enough.
    var isOnLoop: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    func requestStop() {
        stopRequested.store(true, ordering: .releasing)
        wake()
    }

    /// Ends the loop's sleep, or the host's. The caller keeps the executor alive meanwhile.
    func wake() {
        var one: UInt64 = 1
        // The only failure is a counter about to overflow, and then the loop is awake already.
        _ = write(wakeDescriptor.raw, &one, MemoryLayout<UInt64>.size)
    }

    /// Nobody keeps the executor alive here: the runtime holds it unowned, and only until the job
    /// has run.
    @inline(never)
    private func leaveWaking(_ node: UInt) {
        wakers.add(1, ordering: .relaxed)
        if inbox.leaveWaking(node) { wake() }
        wakers.subtract(1, ordering: .releasing)
    }

    // MARK: The loop's thread

    /// Makes the calling thread the loop's. Traps if another one is: two would run at once.
    func bind() {
        let (isFree, _) = thread.compareExchange(
            expected: 0, desired: UInt(pthread_self()), ordering: .acquiring)
        precondition(isFree, "an event loop is driven by one thread at a time")
        // What this thread left before it became the loop's comes before what it queues now.
        collect()
    }

    /// Between turns no thread is the loop's, so that a host which spawns from its own thread
    /// before it polls again still causes the wake-up it needs.
    func unbind() { thread.store(0, ordering: .releasing) }

    var isStopRequested: Bool { stopRequested.load(ordering: .acquiring) }

    /// Whether ``runJobs(on:)`` would find something: two loads.
    var hasJobs: Bool { !queue.isEmpty || inbox.hasJobs }

    /// Announces that the loop is about to sleep, so that others wake it; returns false if there
    /// are jobs instead. ``collect()`` ends the sleep.
    func beginSleep() -> Bool { queue.isEmpty && inbox.beginSleep() }

    /// Takes over what other threads left. Until ``beginSleep()`` they wake nobody.
    func collect() {
        if let chain = inbox.takeAll() { queue.append(chain) }
    }

    /// No message is taken from now on.
    func close() { isClosed.store(true, ordering: .relaxed) }

    /// Runs jobs until none is left. A bounded number of passes, lest tasks that always have more
    /// to do starve the sockets; returns whether some are left.
    func runJobs(on loop: isolated EventLoop) -> Bool {
        guard hasJobs else { return false }
        let serial = asUnownedSerialExecutor()
        let task = asUnownedTaskExecutor()
        for _ in 0..<LoopExecutor.passesMax {
            collect()
            var next = queue.takeAll()
            if next == JobNode.end { return false }
            while next != JobNode.end {
                let node = next
                // Before it runs: the words are the job's again then.
                next = JobNode.at(node).pointee.link.load(ordering: .relaxed)
                JobNode.run(node, serial, task, on: loop)
            }
        }
        return hasJobs
    }
}

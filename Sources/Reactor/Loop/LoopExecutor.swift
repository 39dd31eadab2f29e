internal import Glibc
internal import Synchronization

/// Takes jobs for one loop from any thread.
///
/// It is both the loop's serial executor and its task executor, so that a task which prefers the
/// loop and enters its actor changes neither and never goes through the queue to do so. All of its
/// state is a `Mutex` or an `Atomic`.
public final class LoopExecutor: SerialExecutor, TaskExecutor {
    struct Inbox: ~Copyable {
        var jobs: [UnownedJob] = []
        var stopRequested = false
        /// Whether somebody has already paid for the wake-up that covers this batch, or the loop is
        /// awake and will look again before it sleeps.
        var wakeIsPending = false
    }

    private let inbox = Guarded(Inbox())
    private let wakeDescriptor: Int32
    private let thread = Atomic<UInt>(0)

    init(wakeDescriptor: Int32) { self.wakeDescriptor = wakeDescriptor }

    /// Queues a job; wakes the loop if it sleeps. Any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        leave { $0.jobs.append(job) }
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

    var isOnLoop: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    func bind() { thread.store(UInt(pthread_self()), ordering: .relaxed) }

    /// Between turns no thread is the loop's, so that a host which spawns from its own thread
    /// before it polls again still causes the wake-up it needs.
    func unbind() { thread.store(0, ordering: .relaxed) }

    func requestStop() { leave { $0.stopRequested = true } }

    func withInbox<Result>(_ body: (inout sending Inbox) -> sending Result) -> sending Result {
        inbox.withLock(body)
    }

    private func leave(_ change: (inout Inbox) -> Void) {
        let onLoop = isOnLoop
        let mustWake = inbox.withLock { inbox in
            change(&inbox)
            // On the loop's own thread the current turn looks at the inbox again before it sleeps.
            guard !inbox.wakeIsPending, !onLoop else { return false }
            inbox.wakeIsPending = true
            return true
        }
        if mustWake { wake() }
    }

    /// Ends the loop's sleep, or the host's.
    func wake() {
        var one: UInt64 = 1
        // The only failure is a counter about to overflow, and then the loop is awake already.
        _ = write(wakeDescriptor, &one, MemoryLayout<UInt64>.size)
    }
}

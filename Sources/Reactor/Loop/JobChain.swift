internal import Synchronization
@_spi(ExperimentalCustomExecutors) internal import _Concurrency

/// A link of a chain of work for a loop: a job of the runtime's, or a message to the loop.
///
/// A job's node lives in the two words that every job reserves for its executor, from the moment
/// the runtime hands the job over until it runs: chaining a job allocates nothing. A message's node
/// is the head of an allocation of its own, with the message's body behind it.
///
/// `link` is an atomic, though every chain orders its accesses by other means: a job moves from
/// executor to executor inside the runtime, which ThreadSanitizer does not see, and a relaxed load
/// or store is a plain move.
struct JobNode: ~Copyable {
    typealias Body = @Sendable (isolated EventLoop) -> Void

    let link: Atomic<UInt>
    /// The job, or 0 for a message.
    private let job: UInt

    /// Addresses nobody: below any address that a node can have.
    static let end: UInt = 0
    private static let alignment = max(
        MemoryLayout<JobNode>.alignment, MemoryLayout<Body>.alignment)

    /// The node at an address that `place` returned and whose work has not been done yet.
    @inline(__always)
    static func at(_ address: UInt) -> UnsafeMutablePointer<JobNode> {
        guard let node = UnsafeMutablePointer<JobNode>(bitPattern: address) else {
            preconditionFailure("the end of a chain is no job")
        }
        return node
    }

    /// Makes a node of `job` and returns its address.
    static func place(_ job: consuming ExecutorJob) -> UInt {
        let words = job.withUnsafeExecutorPrivateData { $0 }
        // Two words, aligned as words: the size is the runtime's promise.
        precondition(words.count >= MemoryLayout<JobNode>.size)
        guard let base = words.baseAddress else { preconditionFailure("a job without words") }
        base.bindMemory(to: JobNode.self, capacity: 1).initialize(
            to: JobNode(link: Atomic(end), job: unsafeBitCast(UnownedJob(job), to: UInt.self)))
        return UInt(bitPattern: base)
    }

    /// Makes a node of a message and returns its address.
    static func place(_ body: @escaping Body) -> UInt {
        let base = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<JobNode>.stride + MemoryLayout<Body>.size,
            alignment: alignment)
        base.bindMemory(to: JobNode.self, capacity: 1)
            .initialize(to: JobNode(link: Atomic(end), job: 0))
        (base + MemoryLayout<JobNode>.stride).bindMemory(to: Body.self, capacity: 1)
            .initialize(to: body)
        return UInt(bitPattern: base)
    }

    /// Does the work of the node at `address`, which is no more after it.
    @inline(__always)
    static func run(
        _ address: UInt, _ serial: UnownedSerialExecutor, _ task: UnownedTaskExecutor,
        on loop: isolated EventLoop
    ) {
        let job = at(address).pointee.job
        if job != 0 {
            unsafeBitCast(job, to: UnownedJob.self)
                .runSynchronously(isolatedTo: serial, taskExecutor: task)
        } else {
            takeBody(address)(loop)
        }
    }

    /// Lets go of work that will never be done. A job stays suspended for ever.
    static func drop(_ address: UInt) {
        if at(address).pointee.job == 0 { _ = takeBody(address) }
    }

    private static func takeBody(_ address: UInt) -> Body {
        let base = UnsafeMutableRawPointer(at(address))
        let body = (base + MemoryLayout<JobNode>.stride).assumingMemoryBound(to: Body.self).move()
        base.deallocate()
        return body
    }
}

/// Work that a loop's thread has to do, first in, first out. All of it is used by one thread at a
/// time, which hands it on with release and acquire (``LoopExecutor/bind()``): relaxed atomics,
/// which are plain moves, make it `Sendable` without an unchecked promise.
struct JobQueue: ~Copyable, Sendable {
    private let first = Atomic<UInt>(JobNode.end)
    private let last = Atomic<UInt>(JobNode.end)

    @inline(__always)
    var isEmpty: Bool { first.load(ordering: .relaxed) == JobNode.end }

    /// Appends a chain of nodes.
    @inline(__always)
    func append(_ chain: JobChain) {
        if isEmpty {
            first.store(chain.first, ordering: .relaxed)
        } else {
            JobNode.at(last.load(ordering: .relaxed)).pointee.link
                .store(chain.first, ordering: .relaxed)
        }
        last.store(chain.last, ordering: .relaxed)
    }

    /// Takes all that is there now. What is appended later is not part of the chain.
    func takeAll() -> UInt {
        let chain = first.load(ordering: .relaxed)
        first.store(JobNode.end, ordering: .relaxed)
        return chain
    }
}

/// Linked nodes by the addresses of the first and the last.
struct JobChain {
    var first: UInt
    var last: UInt
}

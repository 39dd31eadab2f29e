internal import Synchronization
@_spi(ExperimentalCustomExecutors) internal import _Concurrency

/// A job in a chain. It lives in the two words that every job reserves for its executor, from the
/// moment the runtime hands the job over until it runs: chaining a job allocates nothing.
///
/// `link` is an atomic, though every chain orders its accesses by other means: a job moves from
/// executor to executor inside the runtime, which ThreadSanitizer does not see, and a relaxed load
/// or store is a plain move.
struct JobNode: ~Copyable {
    let link: Atomic<UInt>
    let job: UnownedJob

    /// Addresses nobody: below any address that a node can have.
    static let end: UInt = 0

    /// Puts a node into `job` and returns its address.
    static func place(_ job: consuming ExecutorJob) -> UInt {
        let words = job.withUnsafeExecutorPrivateData { $0 }
        // Two words, aligned as words: the size is the runtime's promise.
        precondition(words.count >= MemoryLayout<JobNode>.size)
        let job = UnownedJob(job)
        guard let base = words.baseAddress else { preconditionFailure("a job without words") }
        base.bindMemory(to: JobNode.self, capacity: 1)
            .initialize(to: JobNode(link: Atomic(end), job: job))
        return UInt(bitPattern: base)
    }

    /// The node at an address that ``place(_:)`` returned and whose job has not run yet.
    @inline(__always)
    static func at(_ address: UInt) -> UnsafeMutablePointer<JobNode> {
        guard let node = UnsafeMutablePointer<JobNode>(bitPattern: address) else {
            preconditionFailure("the end of a chain is no job")
        }
        return node
    }
}

/// Jobs that a loop's thread has to run, first in, first out. All of it is used by one thread at a
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

    /// Takes all that is there now. Jobs that are appended later are not part of the chain.
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

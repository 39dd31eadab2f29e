internal import CReactor
internal import Glibc

/// One io_uring instance with its pool of receive buffers.
///
/// The kernel runs a ring's work only on the thread that submits (`DEFER_TASKRUN`), and accepts
/// submissions from one thread alone (`SINGLE_ISSUER`): the first that waits. Until then the ring
/// is disabled, so that a loop may be made on one thread and run on another.
struct UringRing: ~Copyable {
    private static let entries: UInt32 = 512
    /// Completions beyond it are kept by the kernel (`FEAT_NODROP`), at a higher cost.
    private static let completions: UInt32 = 4096
    static let bufferCount: UInt32 = 256
    static let bufferSize: UInt32 = 8192

    private let raw: UnsafeMutablePointer<creactor_uring>
    private var owner: pthread_t?
    /// Completions that were moved out of the kernel's way, oldest first.
    private var backlog: [creactor_uring_completion] = []
    /// Whether the last submission left requests behind.
    private(set) var hasLeftOver = false

    init() throws(SystemError) {
        var error: Int32 = 0
        guard
            let raw = creactor_uring_open(
                UringRing.entries, UringRing.completions, UringRing.bufferCount,
                UringRing.bufferSize, &error)
        else { throw SystemError("io_uring_setup", code: error) }
        self.raw = raw
    }

    deinit {
        var isOwner = true
        if let owner { isOwner = pthread_equal(owner, pthread_self()) != 0 }
        creactor_uring_close(raw, isOwner)
    }

    /// Readable when there are completions, or work of the kernel that leads to some.
    var descriptor: Int32 { raw.pointee.ring.ring_fd }

    // MARK: Submitting

    var hasUnsubmitted: Bool { creactor_uring_has_unsubmitted(raw) }

    /// Queues a request with `prepare`, which says `false` when there is no room; submits early then.
    @inline(__always)
    mutating func queue(_ prepare: (UnsafeMutablePointer<creactor_uring>) -> Bool) {
        if prepare(raw) { return }
        makeRoom()
        while !prepare(raw) {
            // The kernel refuses more while its completions are not taken, or memory is short.
            while let completion = takeFromKernel() { backlog.append(completion) }
            sched_yield()
            makeRoom()
        }
    }

    private mutating func makeRoom() { wait(0) }

    /// Submits, and waits so many nanoseconds for a completion (negative: for ever, 0: not at all).
    mutating func wait(_ nanoseconds: Int64) {
        if owner == nil { enable() }
        switch creactor_uring_wait(raw, nanoseconds) {
        case 0, ETIME, EINTR, EAGAIN, EBUSY: break
        case EEXIST: preconditionFailure("a loop's turns must all come on one thread")
        case let code: preconditionFailure("io_uring_enter failed with errno \(code)")
        }
        hasLeftOver = hasUnsubmitted
    }

    private mutating func enable() {
        owner = pthread_self()
        let code = creactor_uring_enable(raw)
        precondition(code == 0, "io_uring could not be enabled")
    }

    /// Makes a request harmless that has not been submitted yet; `false` if it has been.
    func revoke(_ userData: UInt64) -> Bool { creactor_uring_revoke(raw, userData) }

    // MARK: Completions

    var completionCount: Int { backlog.count + Int(creactor_uring_ready(raw)) }

    var hasBacklog: Bool { !backlog.isEmpty }

    mutating func take() -> creactor_uring_completion? {
        backlog.isEmpty ? takeFromKernel() : backlog.removeFirst()
    }

    @inline(__always)
    private func takeFromKernel() -> creactor_uring_completion? {
        var completion = creactor_uring_completion()
        return creactor_uring_take(raw, &completion) ? completion : nil
    }

    // MARK: Buffers

    func buffer(_ index: UInt16, count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: creactor_uring_buffer(raw, index), count: count)
    }

    func recycle(_ index: UInt16) { creactor_uring_recycle(raw, index) }
}

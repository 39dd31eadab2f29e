internal import CReactor
internal import Glibc

/// One io_uring instance with its pool of receive buffers.
///
/// The kernel runs a ring's work only on the thread that submits (`DEFER_TASKRUN`), and accepts
/// submissions from one thread alone (`SINGLE_ISSUER`): the first that waits. Until then the ring
/// is disabled, so that a loop may be made on one thread and run on another.
///
/// Polling the descriptor of such a ring does not tell of work that the kernel has deferred (seen
/// with Linux 6.18). A hosted loop therefore gets another ring, without the deferral: it costs more
/// per event, and may end the host's sleep with EINTR. What the host polls is an epoll descriptor
/// in front of the ring, which exists from the start.
struct UringRing: ~Copyable {
    private static let entries: UInt32 = 512
    /// Completions beyond it are kept by the kernel (`FEAT_NODROP`), at a higher cost.
    private static let completions: UInt32 = 4096
    static let bufferCount: UInt32 = 256
    static let bufferSize: UInt32 = 8192

    private var raw: UnsafeMutablePointer<creactor_uring>
    private let front: Descriptor
    private var owner: pthread_t?
    /// Completions that were moved out of the kernel's way, oldest first.
    private var backlog: [creactor_uring_completion] = []
    /// Whether the last submission left requests behind.
    private(set) var hasLeftOver = false

    init() throws(SystemError) {
        let front = Descriptor(owning: try system("epoll_create1") { creactor_epoll_create() })
        let raw = try UringRing.open(deferred: true)
        self.front = front
        self.raw = raw
    }

    private static func open(
        deferred: Bool
    ) throws(SystemError) -> UnsafeMutablePointer<creactor_uring> {
        var error: Int32 = 0
        guard
            let raw = creactor_uring_open(
                entries, completions, bufferCount, bufferSize, deferred, &error)
        else { throw SystemError("io_uring_setup", code: error) }
        return raw
    }

    deinit {
        var isOwner = true
        if let owner { isOwner = pthread_equal(owner, pthread_self()) != 0 }
        creactor_uring_close(raw, isOwner)
    }

    /// For hosts: readable when there are completions.
    var pollDescriptor: Int32 { front.raw }

    /// Makes the poll descriptor readable with `descriptor` too.
    func poll(_ descriptor: Int32) throws(SystemError) {
        try system("epoll_ctl") {
            creactor_epoll_control(front.raw, EPOLL_CTL_ADD, descriptor, creactor_epollin, 0)
        }
    }

    // MARK: Starting

    var isEnabled: Bool { owner != nil }

    /// Binds the ring to the calling thread.
    mutating func enable(hosted: Bool) {
        precondition(owner == nil, "a ring is enabled once")
        if hosted {
            // The room for it has just been given back, so this does not fail.
            creactor_uring_close(raw, true)
            do throws(SystemError) {
                raw = try UringRing.open(deferred: false)
                try poll(raw.pointee.ring.ring_fd)
            } catch {
                preconditionFailure("no ring for a hosted loop: \(error)")
            }
        }
        owner = pthread_self()
        let code = creactor_uring_enable(raw)
        precondition(code == 0, "io_uring could not be enabled")
    }

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
        switch creactor_uring_wait(raw, nanoseconds) {
        case 0, ETIME, EINTR, EAGAIN, EBUSY: break
        case EEXIST: preconditionFailure("a loop's turns must all come on one thread")
        case let code: preconditionFailure("io_uring_enter failed with errno \(code)")
        }
        hasLeftOver = hasUnsubmitted
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

internal import CReactor
internal import Glibc

/// How much room a ring has; all counts are powers of two.
struct UringSizes {
    var entries: UInt32 = 512
    /// Completions beyond it are kept by the kernel (`FEAT_NODROP`), at a higher cost.
    var completions: UInt32 = 4096
    var bufferCount: UInt32
    var bufferSize: UInt32

    /// With buffers that fill up by and by, few large ones serve many small receives, and bulk
    /// arrives in large pieces: a sink of 4 connections took 110 µs of CPU per megabyte with pieces
    /// of 64 KiB and 310 with pieces of 8 KiB. Without, each receive takes a whole buffer, and
    /// there must be more of them.
    static func standard(_ abilities: UringAbilities) -> UringSizes {
        abilities.contains(.incrementalBuffers)
            ? UringSizes(bufferCount: 32, bufferSize: 65536)
            : UringSizes(bufferCount: 256, bufferSize: 16384)
    }
}

/// One io_uring instance with its pool of receive buffers.
///
/// The kernel runs a ring's work only on the thread that submits (`DEFER_TASKRUN`), and accepts
/// submissions from one thread alone (`SINGLE_ISSUER`): the first that waits. Until then the ring
/// is disabled, so that a loop may be made on one thread and run on another.
///
/// Polling the descriptor of such a ring does not tell of work that the kernel has deferred. An
/// eventfd that is registered with the ring is counted up for that too, so this is what a host
/// polls, behind an epoll descriptor that exists from the start. It is registered with the ring at
/// once, when failing is still an error, and taken away where nobody hosts the loop.
struct UringRing: ~Copyable {
    private let raw: UnsafeMutablePointer<creactor_uring>
    private let front: Descriptor
    private let notice: Descriptor
    private var owner: pthread_t?
    private var isHosted = false
    /// Completions that were moved out of the kernel's way, oldest first.
    private var backlog: [creactor_uring_completion] = []
    /// Whether the last submission left requests behind.
    private(set) var hasLeftOver = false

    init(_ sizes: UringSizes, abilities: UringAbilities) throws(SystemError) {
        let front = Descriptor(owning: try system("epoll_create1") { creactor_epoll_create() })
        let notice = Descriptor(owning: try system("eventfd") { creactor_eventfd() })
        let (frontFile, noticeFile) = (front.raw, notice.raw)
        try system("epoll_ctl") {
            creactor_epoll_control(frontFile, EPOLL_CTL_ADD, noticeFile, creactor_epollin, 0)
        }
        var setup = creactor_uring_setup(
            entries: sizes.entries, completions: sizes.completions,
            buffer_count: sizes.bufferCount, buffer_size: sizes.bufferSize,
            abilities: abilities.rawValue)
        var error: Int32 = 0
        guard let raw = creactor_uring_open(&setup, &error) else {
            throw SystemError("io_uring_setup", code: error)
        }
        let code = creactor_uring_notify(raw, noticeFile)
        guard code == 0 else {
            creactor_uring_close(raw, true)
            throw SystemError("io_uring_register", code: code)
        }
        self.front = front
        self.notice = notice
        self.raw = raw
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
        isHosted = hosted
        owner = pthread_self()
        let code = creactor_uring_enable(raw)
        precondition(code == 0, "io_uring is forbidden since the loop was made: errno \(code)")
        if !hosted { _ = creactor_uring_notify(raw, -1) }
    }

    // MARK: Submitting

    var hasUnsubmitted: Bool { creactor_uring_unsubmitted(raw) > 0 }

    /// How often the kernel was entered…
    var enterCount: UInt64 { raw.pointee.enters }
    /// …because there was no room for completions…
    var overflowCount: UInt64 { raw.pointee.overflows }
    /// …or for requests.
    private(set) var fullCount = 0

    /// Queues a request with `prepare`, which says `false` when there is no room; submits early then.
    @inline(__always)
    mutating func queue(_ prepare: (UnsafeMutablePointer<creactor_uring>) -> Bool) {
        if prepare(raw) { return }
        makeRoom(prepare)
    }

    private mutating func makeRoom(_ prepare: (UnsafeMutablePointer<creactor_uring>) -> Bool) {
        fullCount += 1
        enter(0)
        while !prepare(raw) {
            // The kernel refuses more while its completions are not taken, or memory is short.
            while let completion = takeFromKernel() { backlog.append(completion) }
            sched_yield()
            enter(0)
        }
    }

    /// Submits, and waits so many nanoseconds for a completion (negative: for ever, 0: not at all).
    mutating func wait(_ nanoseconds: Int64) {
        enter(nanoseconds)
        guard isHosted else { return }
        // What has come up to here is collected now. Work that came after the entering and before
        // the reading would be told of by neither.
        repeat {
            var count: UInt64 = 0
            _ = read(notice.raw, &count, MemoryLayout<UInt64>.size)
            enter(0)
        } while creactor_uring_has_deferred(raw)
    }

    private mutating func enter(_ nanoseconds: Int64) {
        switch creactor_uring_wait(raw, nanoseconds) {
        case 0, ETIME, EINTR, EAGAIN, EBUSY: break
        case EEXIST: preconditionFailure("a loop's turns must all come on one thread")
        case let code: preconditionFailure("io_uring_enter failed with errno \(code)")
        }
        hasLeftOver = hasUnsubmitted
    }

    /// Sends off what is queued without collecting: a host is told of what that completes.
    mutating func submit() {
        if hasUnsubmitted { enter(0) }
    }

    /// Makes a request harmless that has not been submitted yet; `false` if it has been.
    func revoke(_ userData: UInt64) -> Bool { creactor_uring_revoke(raw, userData) }

    // MARK: Completions

    var completionCount: Int { backlog.count + Int(creactor_uring_ready(raw)) }

    var hasBacklog: Bool { !backlog.isEmpty }

    @inline(__always)
    mutating func take() -> creactor_uring_completion? {
        backlog.isEmpty ? takeFromKernel() : backlog.removeFirst()
    }

    @inline(__always)
    private func takeFromKernel() -> creactor_uring_completion? {
        var completion = creactor_uring_completion()
        return creactor_uring_take(raw, &completion) ? completion : nil
    }

    // MARK: Buffers

    /// The bytes that a completion put into a buffer. Asked once for each completion, in order.
    @inline(__always)
    func filled(_ completion: creactor_uring_completion) -> UnsafeRawBufferPointer {
        let index = creactor_uring_buffer_index(completion.flags)
        return UnsafeRawBufferPointer(
            start: creactor_uring_filled(raw, index, UInt32(completion.result)),
            count: Int(completion.result))
    }

    @inline(__always)
    func recycle(_ index: UInt16) { creactor_uring_recycle(raw, index) }
}

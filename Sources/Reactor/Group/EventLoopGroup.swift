internal import CReactor
internal import Glibc
internal import Synchronization

/// Several event loops, each with a thread of its own: for servers whose connections do not share
/// state, or share it by messages.
///
/// ```swift
/// let group = try EventLoopGroup()
/// let listener = try await group.listen(on: .loopback(port: 7)) { loop in
///     { channel in Echo() }  // Called on the loop that serves the channel.
/// }
/// …
/// group.stop()
/// ```
///
/// A loop's state stays its own: what handlers need is made per loop (see ``LoopLocal``), and other
/// loops are spoken to by ``EventLoop/post(_:)`` and ``EventLoop/submit(_:)``. The group may be used
/// from any thread.
///
/// Letting go of a group without ``stop()`` stops its loops too, but does not wait for them.
public final class EventLoopGroup: Sendable {
    /// How a group's threads are made.
    public struct Options: Sendable {
        /// The number of loops; `nil`: as many as the process may run at once, by its affinity mask
        /// and the quota of its control group.
        public var count: Int?
        /// The kernel interface of all loops.
        public var backend: EventLoop.Backend
        /// Whether each thread stays on one core: the process's allowed cores in turn. Worth it
        /// where the machine serves nothing else.
        public var isPinned: Bool
        /// The threads' names, as debuggers and `top` show them, before a dash and a number. The
        /// kernel keeps 15 bytes of the whole, so long names are cut.
        public var name: String

        /// The defaults: a loop per usable core, not pinned, threads named `loop-0` and so on.
        public init(
            count: Int? = nil, backend: EventLoop.Backend = .auto, isPinned: Bool = false,
            name: String = "loop"
        ) {
            self.count = count
            self.backend = backend
            self.isPinned = isPinned
            self.name = name
        }
    }

    /// The loops, which run from the group's making on.
    public let loops: [EventLoop]
    private let position = Atomic(0)
    /// Threads that nobody has joined yet.
    private let threads: Guarded<[pthread_t]>

    /// How many loops the process may run at once: its allowed cores (sched_getaffinity(2)), or
    /// fewer if the quota of its control group buys less. At least one.
    public static var usableCores: Int { UsableCores.count }

    /// Makes the loops and starts their threads.
    ///
    /// Throws what making a loop or a thread fails with, such as EMFILE or EAGAIN; what had been
    /// started is stopped and gone then. EINVAL for a count below one or a name with a NUL.
    public init(_ options: Options = Options()) throws(SystemError) {
        let count = options.count ?? UsableCores.count
        guard count > 0, !options.name.utf8.contains(0) else {
            throw SystemError("EventLoopGroup", code: EINVAL)
        }
        var loops: [EventLoop] = []
        for _ in 0..<count { loops.append(try EventLoop(backend: options.backend)) }
        let cores = options.isPinned ? UsableCores.allowed : []
        var threads: [pthread_t] = []
        do throws(SystemError) {
            for (index, loop) in loops.enumerated() {
                let core = cores.isEmpty ? -1 : cores[index % cores.count]
                threads.append(
                    try EventLoopGroup.start(
                        loop, name: EventLoopGroup.threadName(options.name, index), core: core))
            }
        } catch {
            EventLoopGroup.end(loops, threads)
            throw error
        }
        self.loops = loops
        self.threads = Guarded(threads)
    }

    deinit {
        for loop in loops { loop.stop() }
        // Perhaps this is one of the threads, so they are not waited for.
        threads.withLock { threads in
            for thread in threads { pthread_detach(thread) }
        }
    }

    /// Stops all loops and waits until their threads have ended. Every channel is closed with
    /// ``CloseReason/loopStopped`` and what waits on the loops is resumed, as ``EventLoop/stop()``
    /// does. Once stopped, it returns at once. Traps on a thread of the group, which it would
    /// wait for.
    public func stop() {
        precondition(current == nil, "a group is not stopped on one of its own threads")
        for loop in loops { loop.stop() }
        threads.withLock { threads in
            for thread in threads { pthread_join(thread, nil) }
            threads = []
        }
    }

    // MARK: Choosing a loop

    /// The loops in turn.
    public func next() -> EventLoop {
        let turn = position.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: turn) % UInt(loops.count))]
    }

    /// The calling thread's loop if it is one of the group, else the next one: work stays where it
    /// is if it is there already.
    public func any() -> EventLoop { current ?? next() }

    /// The loop of the group that the calling thread is.
    public var current: EventLoop? { loops.first { $0.isCurrent } }

    /// Runs `body` on every loop and returns what it returned, in the order of ``loops``. For
    /// setting up and asking what each loop has of its own. The group must not have stopped.
    public func onEach<Result: Sendable>(
        _ body: @escaping @Sendable (isolated EventLoop) async -> Result
    ) async -> [Result] {
        let tasks = loops.map { $0.submit(body) }
        var results: [Result] = []
        for task in tasks { results.append(await task.value) }
        return results
    }

    // MARK: Threads

    private static func start(
        _ loop: EventLoop, name: String, core: Int32
    ) throws(SystemError) -> pthread_t {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(loop)
        let error = creactor_start_joinable_thread(
            &thread, name, core, { Unmanaged<EventLoop>.fromOpaque($0).takeRetainedValue().run() },
            context.toOpaque())
        guard error != 0 else { return thread }
        context.release()
        throw SystemError("pthread_create", code: error)
    }

    private static func end(_ loops: [EventLoop], _ threads: [pthread_t]) {
        for loop in loops { loop.stop() }
        for thread in threads { pthread_join(thread, nil) }
    }

    /// The kernel takes names of 15 bytes; the number must not be what is cut.
    static func threadName(_ name: String, _ index: Int) -> String {
        let number = "-\(index)"
        var head = name
        while head.utf8.count + number.utf8.count > 15, !head.isEmpty { head.removeLast() }
        return head + number
    }
}

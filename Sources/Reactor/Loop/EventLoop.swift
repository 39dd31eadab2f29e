internal import CReactor
internal import Glibc

/// One thread's event loop: sockets, timers, signals, foreign descriptors and Swift tasks.
///
/// The loop is an actor, and a Swift executor of its own: whatever is isolated to it runs on the
/// thread that drives it. Handlers are synchronous and take an `isolated EventLoop`, so the
/// compiler checks that they run in the right place.
///
/// ```swift
/// let loop = try EventLoop()
/// loop.submit { loop in
///     _ = try? loop.listen(on: .loopback(port: 7)) { _ in Echo() }
/// }
/// loop.run()
/// ```
///
/// A turn goes through these steps:
///
/// 1. Read the clock and fire the timers that are due.
/// 2. Run jobs: Swift tasks that became ready, work from other threads.
/// 3. Write what channels have queued, one system call per channel.
/// 4. Sleep until something completes, a timer is due, or another thread wakes the loop.
/// 5. Dispatch what completed to its handlers.
/// 6. Run the jobs that the handlers made ready.
public actor EventLoop {
    /// Takes jobs for the loop from any thread; prefer ``spawn(_:)`` and ``submit(_:)``.
    public nonisolated let executor: LoopExecutor
    /// The backend in use; ``Backend/auto`` stands for a simulated one, of `ReactorTesting`.
    public nonisolated let backend: Backend
    /// What the backend uses of the kernel, for logs; and why it is not io_uring where
    /// ``Backend/auto`` could not choose that.
    public nonisolated let backendDescription: String
    /// Readable when ``turn(waiting:)`` has something to do: register it with a host's own loop.
    ///
    /// On io_uring all turns must come on one thread.
    public nonisolated let pollDescriptor: Int32

    /// The executor of the loop's isolation.
    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// The monotonic clock, read once a turn.
    public var now: Instant { hot.value.now }

    // Resources are owners with a deinit of their own: an actor's deinit is nonisolated and could
    // not touch them.
    let driver: any Driver
    private let wakeToken: Token
    private let hot: Owned<Hot>
    var signalSources: [SignalWatch] = []
    private var closedInFlight: [Token: Channel] = [:]
    let blocking = BlockingPool()
    let filterScratch = FilterScratch()
    var onceParked: [() -> Void] = []
    var installedResolver: (any Resolver)?
    var dependants: [UInt64: any Dependant] = [:]
    var lastRegistration: UInt64 = 0
    var locals: [UInt64: Any] = [:]
    /// Whether the loop has stopped for good.
    public private(set) var isStopped = false
    var sleeping: [Timer: UnsafeContinuation<Void, Never>] = [:]
    /// Tasks that go on when this turn has dispatched what completed.
    var turnWaiters: [UnsafeContinuation<Void, Never>] = []
    var stopObservers = StopObservers()

    /// What nearly every event touches.
    private struct Hot: ~Copyable {
        var now: Instant
        var slots: SlotTable
        var timers = TimerWheel()
        /// Channels with output, in the order in which they wrote; each entry counts a reference. `nil`
        /// are those that were written out early: they need no second look, for which their memory
        /// would have to come into the processor's cache once more.
        var unflushed: [Unmanaged<Channel>?] = []
        /// So many of them have been looked at before the turn's end.
        var flushedEarly = 0
        var flushing: [Unmanaged<Channel>?] = []
        var outputs = OutputPool()

        init(now: Instant, slots: consuming SlotTable) {
            self.now = now
            self.slots = slots
        }

        deinit {
            for channel in unflushed { channel?.release() }
            for channel in flushing { channel?.release() }
        }

        mutating func beginFlushing() {
            swap(&unflushed, &flushing)
            flushedEarly = 0
        }
    }

    /// So many channels may wait for the end of the turn. Beyond that the oldest is written out at
    /// once, while its output is in the processor's cache and the next one can have its memory.
    private static let unflushedMax = 32

    /// So many timers fire in a turn at most; the sleep that follows is none if more are due.
    private static let firingsMax = 256
    /// A day: backends take less than two years of milliseconds or nanoseconds.
    private static let sleepMax: UInt64 = 86_400 * 1_000_000_000

    /// A loop on `backend`. Fails if the backend cannot run here, or descriptors have run out.
    public init(backend: Backend = .auto) throws(SystemError) {
        let (driver, opened, description) = try backend.open()
        try self.init(driver: driver, backend: opened, description: description)
    }

    /// A loop on a driver of the caller's.
    package init(
        driver: sending any Driver, backend: Backend, description: String
    ) throws(SystemError) {
        self.backend = backend
        backendDescription = description
        executor = LoopExecutor(
            wakeDescriptor: Descriptor(owning: try system("eventfd") { creactor_eventfd() }))
        var slots = SlotTable()
        wakeToken = slots.insert(.wake)
        try driver.watch(executor.wakeFile, for: .readable, token: wakeToken)
        pollDescriptor = driver.pollDescriptor
        hot = Owned(Hot(now: driver.now, slots: slots))
        self.driver = driver
    }

    // MARK: Driving

    /// Makes the calling thread the loop's until ``stop()``; then every channel is closed with
    /// ``CloseReason/loopStopped``, what waits on the loop is resumed, and it returns.
    public nonisolated func run() {
        executor.bind()
        defer { executor.unbind() }
        assumeIsolated { loop in
            loop.driver.begin(hosted: false)
            while loop.pass(waiting: nil) {}
        }
    }

    /// One turn that sleeps at most `limit` (`nil`: until something happens). Returns `false` once
    /// the loop has stopped. For hosts that own the thread; see ``pollDescriptor``.
    public nonisolated func turn(waiting limit: Duration?) -> Bool {
        executor.bind()
        defer { executor.unbind() }
        return assumeIsolated { loop in
            loop.driver.begin(hosted: true)
            return loop.pass(waiting: limit) && loop.settle()
        }
    }

    /// Leaves nothing undone that ``pollDescriptor`` would not tell of: a host may sleep now.
    private func settle() -> Bool {
        flushChannels()
        driver.submit()
        if !hot.value.unflushed.isEmpty || executor.isStopRequested || !executor.beginSleep() {
            executor.wake()
        }
        return true
    }

    /// Asks the loop to stop at its next chance. Any thread.
    public nonisolated func stop() { executor.requestStop() }

    /// Whether the calling code runs on the loop's thread.
    public nonisolated var isCurrent: Bool { executor.isOnLoop }

    /// How long until a timer is due, for a host that sleeps in a poll of its own between turns, which
    /// ``pollDescriptor`` does not end; `nil` without timers. On the thread that calls ``turn(waiting:)``.
    public nonisolated func timeUntilNextTimer() -> Duration? {
        let isInTurn = executor.isOnLoop
        if !isInTurn { executor.bind() }
        defer {
            if !isInTurn {
                // The host sleeps next: whatever comes from now on has to wake it.
                if !executor.beginSleep() { executor.wake() }
                executor.unbind()
            }
        }
        return assumeIsolated { loop in
            let now = loop.tick(of: Instant.now)
            return loop.hot.value.timers.nextTick.map { .milliseconds(Int64(max($0, now) - now)) }
        }
    }

    private func pass(waiting limit: Duration?) -> Bool {
        guard !isStopped else { return false }
        hot.value.now = driver.now
        fireTimers()
        var busy = runJobs()
        flushChannels()
        if executor.isStopRequested {
            shutDown()
            return false
        }
        // Writing may have told handlers something, and they may have made tasks ready.
        busy = busy || !hot.value.unflushed.isEmpty || !turnWaiters.isEmpty
        busy = busy || !executor.beginSleep()
        driver.wait(timeout: busy ? 0 : sleepLimit(limit))
        executor.collect()
        hot.value.now = driver.now
        while let completion = driver.next() { dispatch(completion) }
        if !turnWaiters.isEmpty { resumeTurnWaiters() }
        _ = runJobs()
        return true
    }

    private func sleepLimit(_ limit: Duration?) -> UInt64? {
        let host = limit.map { $0.wholeNanoseconds }
        guard let next = hot.value.timers.nextTick else { return host }
        let (due, isFar) = next.multipliedReportingOverflow(by: 1_000_000)
        let wait = due > now.nanoseconds ? due - now.nanoseconds : 0
        return min(isFar ? .max : wait, EventLoop.sleepMax, host ?? .max)
    }

    // MARK: Jobs

    private func runJobs() -> Bool {
        let hasMore = executor.runJobs(on: self)
        if !onceParked.isEmpty { startOffloaded() }
        return hasMore
    }

    // MARK: Timers

    /// Calls `body` on the loop after `delay`, to the millisecond and never early. O(1), as is
    /// ``cancel(_:)-(Timer)``; a timer takes 40 bytes, and `body` what it captures.
    ///
    /// With a `tolerance` it may be that much later, so that timers which are due about the same
    /// time share one wake-up: right for idle connections and long polls, which nobody times to
    /// the millisecond. The clock is monotonic: setting the time of day changes nothing, and time
    /// that the machine spends suspended does not count. Where very many timers are due at once
    /// the loop serves its sockets in between.
    ///
    /// Form `body` in code isolated to the loop: it may then use the loop and what lives on it. It is
    /// let go once it has run or the timer is cancelled.
    @discardableResult
    public func schedule(
        after delay: Duration, tolerance: Duration = .zero, _ body: @escaping () -> Void
    ) -> Timer {
        hot.value.timers.insert(expiry: tick(after: delay, tolerance), body: body)
    }

    /// Has a timer that is armed fire after `delay` from now instead, and keeps its body: nothing is
    /// allocated. Returns whether it was armed. The rest is as for
    /// ``schedule(after:tolerance:_:)``.
    @discardableResult
    public func reschedule(
        _ timer: Timer, after delay: Duration, tolerance: Duration = .zero
    ) -> Bool {
        hot.value.timers.move(timer, to: tick(after: delay, tolerance))
    }

    private func tick(after delay: Duration, _ tolerance: Duration) -> UInt64 {
        let due = now.nanoseconds.addingSaturated(delay.wholeNanoseconds)
        let tick = due / 1_000_000 + 1
        guard tolerance > .zero else { return tick }
        let latest = due.addingSaturated(tolerance.wholeNanoseconds)
        return TimerWheel.shared(from: tick, to: latest / 1_000_000 + 1)
    }

    /// Disarms a timer; does nothing if it has fired.
    public func cancel(_ timer: Timer) {
        // Its body may own what has a deinit, which must find the wheel at rest.
        let body = hot.value.timers.remove(timer)
        _ = body
    }

    /// The number of timers armed.
    public var timerCount: Int { hot.value.timers.count }

    private func fireTimers() {
        let tick = tick(of: now)
        var budget = EventLoop.firingsMax * TimerWheel.firingCost
        while let body = hot.value.timers.popExpired(at: tick, budget: &budget) { body() }
    }

    private func tick(of instant: Instant) -> UInt64 { instant.nanoseconds / 1_000_000 }

    // MARK: Slots

    func insert(_ resource: Resource) -> Token { hot.value.slots.insert(resource) }
    func replace(_ resource: Resource, at token: Token) {
        _ = hot.value.slots.replace(resource, at: token)
    }
    func remove(_ token: Token) { _ = hot.value.slots.remove(token) }
    func resource(at token: Token) -> Resource { hot.value.slots[token] }

    /// The number of listeners, channels, connection attempts and watches.
    public var resourceCount: Int { hot.value.slots.count - 1 }

    /// The number of channels.
    public var channelCount: Int { hot.value.slots.channelCount }

    private func dispatch(_ completion: Completion) {
        switch hot.value.slots[completion.token] {
        case .free:
            dispatchLate(completion)
        case .wake:
            var value: UInt64 = 0
            _ = read(executor.wakeFile, &value, MemoryLayout<UInt64>.size)
        case .listener(let listener): listener.handle(completion.event, on: self)
        case .channel(let channel): channel.handle(completion.event, on: self)
        case .connecting(let attempt): attempt.handle(completion.event, on: self)
        case .watch(let watch): watch.handle(completion.event)
        }
    }

    /// A completion whose owner is gone. What it carries must not leak.
    private func dispatchLate(_ completion: Completion) {
        switch completion.event {
        case .accepted(let descriptor): close(descriptor)
        case .sent, .sendFailed: closedInFlight.removeValue(forKey: completion.token)
        case .acceptFailed, .received, .endOfInput, .receiveFailed, .writable, .connected, .ready:
            break
        }
    }

    /// Keeps a closed channel while the kernel still reads from its output.
    func keepUntilSent(_ channel: Channel) { closedInFlight[channel.token] = channel }

    // MARK: Writing at the end of a turn

    func flushLater(_ channel: Channel) {
        hot.value.unflushed.append(.passRetained(channel))
        let early = hot.value.flushedEarly
        guard hot.value.unflushed.count - early > EventLoop.unflushedMax else { return }
        hot.value.flushedEarly = early + 1
        guard let oldest = hot.value.unflushed[early],
            oldest.takeUnretainedValue().flushEarly(on: self)
        else { return }
        hot.value.unflushed[early] = nil
        oldest.release()
    }

    private func flushChannels() {
        // Handlers that are told of writability may queue more, hence the rounds; what a third
        // round would write waits for the next turn.
        for _ in 0..<2 where !hot.value.unflushed.isEmpty {
            hot.value.beginFlushing()
            for index in hot.value.flushing.indices {
                hot.value.flushing[index]?.takeRetainedValue().flushIfDue(on: self)
            }
            hot.value.flushing.removeAll(keepingCapacity: true)
        }
    }

    func borrowOutput() -> OutputPool.Loan { hot.value.outputs.take() }
    func giveBackOutput(_ queue: OutputPool.Loan) { hot.value.outputs.giveBack(queue) }

    // MARK: Stopping

    private func shutDown() {
        isStopped = true
        for body in stopObservers.takeAll() { body() }
        stopDependants()
        for resource in hot.value.slots.all() {
            switch resource {
            case .free: break
            case .wake: driver.forget(executor.wakeFile, token: wakeToken)
            case .listener(let listener): listener.close(on: self)
            case .channel(let channel): channel.finish(.loopStopped, on: self)
            case .connecting(let attempt):
                attempt.end(with: ECANCELED, on: self)
            case .watch(let watch): cancel(watch)
            }
        }
        // A timer that never fires would leave its sleeper parked for ever.
        let sleepers = Array(sleeping.values)
        sleeping.removeAll()
        for sleeper in sleepers { sleeper.resume() }
        resumeTurnWaiters()
        _ = hot.value.timers.removeAll()
        executor.close()
        _ = runJobs()
        locals = [:]
        settleDriver()
    }

    /// Waits until the kernel reads no more from channels' output. What is cancelled completes at
    /// once; the limit is for a kernel that thinks otherwise.
    private func settleDriver() {
        let limit = Instant.now + .seconds(1)
        while !driver.isQuiet, Instant.now < limit {
            driver.wait(timeout: 10_000_000)
            while let completion = driver.next() { dispatch(completion) }
        }
    }
}

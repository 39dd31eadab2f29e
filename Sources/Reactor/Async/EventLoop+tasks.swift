internal import Glibc

extension EventLoop {
    /// Starts a task on the loop from code that is isolated to it.
    ///
    /// The closure inherits the isolation if it mentions the loop, and may then use what lives on
    /// the loop. The task prefers the loop as its task executor, which matters as much as the
    /// isolation: a resumed continuation of a task without that preference travels through the
    /// global pool first (13 µs instead of 0.3).
    @discardableResult
    public nonisolated func spawn<Success: Sendable>(
        @_inheritActorContext _ body: sending @escaping @isolated(any) () async -> Success
    ) -> Task<Success, Never> {
        Task(executorPreference: executor, operation: body)
    }

    /// Runs `body` as a task on the loop. Any thread; wakes the loop if it sleeps.
    @discardableResult
    public nonisolated func submit<Success: Sendable>(
        _ body: @escaping @Sendable (isolated EventLoop) async -> Success
    ) -> Task<Success, Never> {
        Task(executorPreference: executor) { await body(self) }
    }

    /// Parks the calling task for `duration`; returns early only when the loop stops.
    public func sleep(for duration: Duration) async {
        guard !isStopped else { return }
        await withUnsafeContinuation(isolation: self) { continuation in
            var timer: Timer?
            timer = schedule(after: duration) {
                if let timer { self.sleeping.removeValue(forKey: timer)?.resume() }
            }
            if let timer { sleeping[timer] = continuation }
        }
    }

    /// Lets the other tasks that are ready run before the calling task goes on. Sockets are not looked at: a turn runs
    /// tasks until none is ready, or for many rounds.
    public func yield() async { await Task.yield() }

    /// Parks the calling task until timers have fired, what channels have queued has been written, and what sockets had
    /// has been dispatched: for long work in slices, between which the loop serves everybody else.
    public func nextTurn() async {
        guard !isStopped else { return }
        await withUnsafeContinuation(isolation: self) { turnWaiters.append($0) }
    }

    func resumeTurnWaiters() {
        let waiters = turnWaiters
        turnWaiters.removeAll()
        for waiter in waiters { waiter.resume() }
    }

    /// Runs `work`, which may block, on a small pool of threads and parks the calling task
    /// meanwhile. For password hashing, name resolution and files; four threads, queued beyond.
    public func offload<Result: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let outcome: Swift.Result<Result, Failure> = await withUnsafeContinuation(
            isolation: self
        ) { continuation in
            onceParked.append {
                self.blocking.run {
                    do throws(Failure) {
                        continuation.resume(returning: .success(try work()))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        }
        return try outcome.get()
    }

    /// Starts what ``offload(_:)`` was asked for, once the loop's jobs have run and its caller is
    /// parked for certain.
    ///
    /// A continuation that is resumed first and awaited afterwards is handed over inside the
    /// runtime alone. That is sound, but ThreadSanitizer cannot see it and would call the task's
    /// next use of the same memory a race; the resumption of a parked task comes through the inbox.
    func startOffloaded() {
        var starting: [() -> Void] = []
        swap(&starting, &onceParked)
        for start in starting { start() }
    }

    /// As ``offload(_:)``, but on a pool that need not take the work. Throws EAGAIN if `waitingMax`
    /// others wait for a thread already.
    func offload<Result: Sendable>(
        to pool: BlockingPool, waitingMax: Int, _ work: @escaping @Sendable () -> Result
    ) async throws(SystemError) -> Result {
        let outcome: Result? = await withUnsafeContinuation(isolation: self) { continuation in
            onceParked.append {
                let isAccepted = pool.run(waitingMax: waitingMax) {
                    continuation.resume(returning: work())
                }
                if !isAccepted { continuation.resume(returning: nil) }
            }
        }
        guard let outcome else { throw SystemError("offload", code: EAGAIN) }
        return outcome
    }
}

internal import Glibc
internal import Synchronization

/// The thread that writes logs, so that no loop ever waits for a disk.
///
/// It blocks every signal, since those belong to the loops. Lines gather for some milliseconds before they are
/// written, so that a busy process pays for one write and one wake-up instead of hundreds; warnings do not wait.
final class LogWriter: Sendable {
    private struct State {
        var outputs: [LogOutput] = []
        var isStopping = false
        /// Who wants to know when everything queued before has been written.
        var waiters: [WakePipe] = []
    }

    private static let gathering = Duration.milliseconds(20)

    private let state = Mutex(State())
    private let wake: WakePipe
    /// Says that what has gathered is to be written now.
    private let hurry: WakePipe

    /// Starts the thread. Daemonise before: threads do not survive a fork.
    init() {
        guard let wake = WakePipe(), let hurry = WakePipe() else {
            preconditionFailure("a process that starts has descriptors left")
        }
        self.wake = wake
        self.hurry = hurry
        start()
    }

    func use(_ outputs: [LogOutput]) { state.withLock { $0.outputs = outputs } }

    /// Has what is queued written soon, or at once.
    func signal(urgently: Bool) {
        if urgently { hurry.signal() }
        wake.signal()
    }

    /// Waits until everything queued so far has been written, or the time is over.
    func flush(within timeout: Duration) -> Bool {
        guard let done = WakePipe() else { return false }
        state.withLock { $0.waiters.append(done) }
        signal(urgently: true)
        return done.wait(atMost: timeout)
    }

    /// Ends the thread when it has written what is queued.
    func stop() {
        state.withLock { $0.isStopping = true }
        signal(urgently: true)
    }

    private func start() {
        var all = sigset_t()
        var former = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &former)
        var thread = pthread_t()
        let box = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument {
                    Unmanaged<LogWriter>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            }, box.toOpaque())
        pthread_sigmask(SIG_SETMASK, &former, nil)
        precondition(code == 0, "a process that starts may start a thread")
        pthread_detach(thread)
    }

    private func run() {
        while true {
            wake.wait()
            if hurry.wait(atMost: LogWriter.gathering) { hurry.wait() }
            let (outputs, waiters, isStopping) = state.withLock { state in
                defer { state.waiters = [] }
                return (state.outputs, state.waiters, state.isStopping)
            }
            for output in outputs { output.drain() }
            for waiter in waiters { waiter.signal() }
            if isStopping { return }
        }
    }
}

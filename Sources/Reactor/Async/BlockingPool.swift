internal import CReactor
internal import Glibc
internal import Synchronization

/// A few threads for work that blocks. Threads start when there is work for them and sleep on a
/// semaphore otherwise; they end with the pool.
final class BlockingPool: Sendable {
    typealias Work = @Sendable () -> Void

    private struct State {
        var queue: [Work] = []
        /// Work before it has been taken.
        var first = 0
        var threads = 0
        var idle = 0
        var closed = false

        var waiting: Int { queue.count - first }

        mutating func take() -> Work? {
            guard first < queue.count else { return nil }
            let work = queue[first]
            // Let go of it at once, and of the room now and then.
            queue[first] = {}
            first += 1
            if first == queue.count || first == 1024 {
                queue.removeFirst(first)
                first = 0
            }
            return work
        }
    }

    /// What the threads share, so that they do not keep the pool itself alive.
    private final class Shared: Sendable {
        let state = Guarded(State())
        // sem_post(3) and sem_wait(3) may be called by any thread, and the memory lives as long as
        // this object, which every thread retains.
        nonisolated(unsafe) private let semaphore: UnsafeMutablePointer<sem_t>

        init() {
            semaphore = .allocate(capacity: 1)
            // Fails only for values out of range.
            sem_init(semaphore, 0, 0)
        }

        deinit {
            sem_destroy(semaphore)
            semaphore.deallocate()
        }

        /// Takes work as it comes; returns when the pool is closed and the queue empty.
        func serve() {
            while true {
                if let work = state.withLock({ $0.take() }) {
                    work()
                    continue
                }
                let closed = state.withLock { state in
                    guard state.waiting == 0 else { return false }
                    state.idle += 1
                    return state.closed
                }
                if closed { return }
                // A signal that ends it early only makes the thread look once more.
                sem_wait(semaphore)
                state.withLock { $0.idle -= 1 }
            }
        }

        func post(_ units: Int = 1) {
            for _ in 0..<units { sem_post(semaphore) }
        }
    }

    private let shared = Shared()
    private let name: String
    private let threadsMax: Int

    /// A pool of `threadsMax` threads, which have a name of at most 15 bytes.
    init(name: String = "blocking", threadsMax: Int = 4) {
        self.name = name
        self.threadsMax = threadsMax
    }

    deinit {
        let threads = shared.state.withLock { state in
            state.closed = true
            return state.threads
        }
        shared.post(threads)
    }

    /// Runs `work` on a thread, as soon as one is free; or does nothing and returns `false` if
    /// `waitingMax` others wait already.
    @discardableResult
    func run(waitingMax: Int = .max, _ work: @escaping Work) -> Bool {
        let verdict = shared.state.withLock { state -> (accepted: Bool, startsThread: Bool) in
            guard state.waiting < waitingMax else { return (false, false) }
            state.queue.append(work)
            guard state.waiting > state.idle, state.threads < threadsMax else {
                return (true, false)
            }
            state.threads += 1
            return (true, true)
        }
        guard verdict.accepted else { return false }
        shared.post()
        if verdict.startsThread { startThread() }
        return true
    }

    private func startThread() {
        let context = Unmanaged.passRetained(shared).toOpaque()
        let error = creactor_start_thread(
            name, { Unmanaged<Shared>.fromOpaque($0).takeRetainedValue().serve() }, context)
        guard error != 0 else { return }
        // Other threads, if any, take the work; without a single one it must run here.
        Unmanaged<Shared>.fromOpaque(context).release()
        let stranded = shared.state.withLock { state -> [Work] in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer {
                state.queue = []
                state.first = 0
            }
            return Array(state.queue[state.first...])
        }
        for work in stranded { work() }
    }
}

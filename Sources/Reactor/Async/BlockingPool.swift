internal import CReactor
internal import Glibc
internal import Synchronization

/// A few threads for work that blocks. Threads start when there is work for them and sleep in a
/// read of a semaphore otherwise; they end with the pool.
final class BlockingPool: Sendable {
    typealias Work = @Sendable () -> Void

    private struct State {
        var queue: [Work] = []
        var threads = 0
        var idle = 0
        var closed = false
    }

    /// What the threads share, so that they do not keep the pool itself alive.
    private final class Shared: Sendable {
        let state = Guarded(State())
        let semaphore: Int32

        init(semaphore: Int32) { self.semaphore = semaphore }
        deinit { close(semaphore) }

        /// Takes work as it comes; returns when the pool is closed and the queue empty.
        func serve() {
            while true {
                let work = state.withLock { state -> Work? in
                    state.queue.isEmpty ? nil : state.queue.removeFirst()
                }
                if let work {
                    work()
                    continue
                }
                let closed = state.withLock { state in
                    guard state.queue.isEmpty else { return false }
                    state.idle += 1
                    return state.closed
                }
                if closed { return }
                var units: UInt64 = 0
                _ = read(semaphore, &units, MemoryLayout<UInt64>.size)
                state.withLock { $0.idle -= 1 }
            }
        }

        func post(_ units: UInt64 = 1) {
            var units = units
            _ = write(semaphore, &units, MemoryLayout<UInt64>.size)
        }
    }

    private static let threadsMax = 4
    private let shared: Shared

    init() {
        let semaphore = creactor_semaphore()
        precondition(semaphore >= 0, "no descriptor left for the pool's semaphore")
        shared = Shared(semaphore: semaphore)
    }

    deinit {
        let threads = shared.state.withLock { state in
            state.closed = true
            return state.threads
        }
        if threads > 0 { shared.post(UInt64(threads)) }
    }

    func run(_ work: @escaping Work) {
        let startsThread = shared.state.withLock { state in
            state.queue.append(work)
            guard state.queue.count > state.idle, state.threads < BlockingPool.threadsMax else {
                return false
            }
            state.threads += 1
            return true
        }
        shared.post()
        guard startsThread else { return }
        let context = Unmanaged.passRetained(shared).toOpaque()
        let error = creactor_start_thread(
            "blocking",
            { context in Unmanaged<Shared>.fromOpaque(context).takeRetainedValue().serve() },
            context)
        guard error != 0 else { return }
        // Other threads, if any, take the work; without a single one it must run here.
        Unmanaged<Shared>.fromOpaque(context).release()
        let stranded = shared.state.withLock { state -> [Work] in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.queue = [] }
            return state.queue
        }
        for work in stranded { work() }
    }
}

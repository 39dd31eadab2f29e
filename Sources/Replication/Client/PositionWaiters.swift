import Reactor
import ReplicationWire

/// Tasks that wait, each for a while, until a stream has come to a token.
struct PositionWaiters {
    private struct Waiter {
        let token: Int64
        let continuation: UnsafeContinuation<Bool, Never>
        let timer: Timer
    }

    private var waiters: [StreamName: [Int: Waiter]] = [:]
    private var lastID = 0
    private(set) var count = 0

    mutating func makeID() -> Int {
        lastID += 1
        return lastID
    }

    mutating func insert(
        _ id: Int, _ stream: StreamName, _ token: Int64,
        _ continuation: UnsafeContinuation<Bool, Never>, _ timer: Timer
    ) {
        count += 1
        waiters[stream, default: [:]][id] = Waiter(
            token: token, continuation: continuation, timer: timer)
    }

    /// Resumes those who have got what they wait for.
    mutating func reached(_ stream: StreamName, _ position: Int64, on loop: isolated EventLoop) {
        guard count > 0, let waiting = waiters[stream] else { return }
        for (id, waiter) in waiting where waiter.token <= position {
            end(id, stream, with: true, on: loop)
        }
    }

    /// Resumes one, if it still waits.
    mutating func end(
        _ id: Int, _ stream: StreamName, with result: Bool, on loop: isolated EventLoop
    ) {
        guard let waiter = waiters[stream]?.removeValue(forKey: id) else { return }
        count -= 1
        if waiters[stream]?.isEmpty == true { waiters[stream] = nil }
        loop.cancel(waiter.timer)
        waiter.continuation.resume(returning: result)
    }

    /// Resumes all in vain.
    mutating func endAll(on loop: isolated EventLoop) {
        for (stream, waiting) in waiters {
            for id in waiting.keys { end(id, stream, with: false, on: loop) }
        }
    }
}

import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Reactor

@Suite("The inbox", .serialized)
struct InboxTests {
    @Test("each thread's work runs in the order in which it was left", arguments: kernels)
    func order(ground: Ground) throws {
        let loop = try ground.makeLoop()
        let threads = 4
        let each = 5_000
        let log = Arrivals(producers: threads, each: each)
        for producer in 0..<threads {
            startThread {
                for number in 0..<each {
                    loop.submit { loop in
                        log.arrived(number, from: producer)
                        if log.isComplete { loop.stop() }
                    }
                    // Now and then the loop falls asleep, so that the next one has to wake it.
                    if number % 512 == 0 { sched_yield() }
                }
            }
        }
        loop.run()
        #expect(log.isComplete)
        #expect(log.outOfOrder == 0)
    }

    @Test("work of a thread that becomes the loop's keeps its order", arguments: kernels)
    func becomingTheLoop(ground: Ground) throws {
        let loop = try ground.makeLoop()
        let log = Arrivals(producers: 1, each: 300)
        for round in 0..<100 {
            // From outside, and from inside the turn before and after the outside's is taken.
            loop.submit { loop in
                log.arrived(round * 3, from: 0)
                loop.spawn {
                    _ = loop.now
                    log.arrived(round * 3 + 2, from: 0)
                }
            }
            loop.submit { _ in log.arrived(round * 3 + 1, from: 0) }
            #expect(loop.turn(waiting: .zero))
        }
        #expect(log.isComplete)
        #expect(log.outOfOrder == 0)
        loop.stop()
        #expect(!loop.turn(waiting: .zero))
    }

    @Test("a sleeping loop is woken once, however much is left for it", arguments: kernels)
    func coalescing(ground: Ground) throws {
        let loop = try ground.makeLoop()
        let count = Atomic(0)
        for round in 1...50 {
            for _ in 0..<20 { loop.submit { _ in count.add(1, ordering: .relaxed) } }
            // The eventfd counts the writes.
            #expect(loop.executor.takeWakeUps() == 1)
            #expect(loop.turn(waiting: .zero))
            let done = count.load(ordering: .relaxed)
            #expect(done == round * 20)
            #expect(loop.executor.takeWakeUps() == 0)
        }
        loop.stop()
        #expect(!loop.turn(waiting: .zero))
    }

    @Test("a loop that ends while others still wake it harms nobody", arguments: kernels)
    func wakingTheDead(ground: Ground) throws {
        for _ in 0..<200 {
            let executor = try runAndForget(ground)
            // Whoever was about to wake it has done so: its memory and its descriptor are free.
            while executor.object != nil { sched_yield() }
        }
    }

    /// Parks tasks that other threads resume; the last one stops the loop, which nobody holds.
    private func runAndForget(_ ground: Ground) throws -> Weak {
        let loop = try ground.makeLoop()
        let left = Count()
        for _ in 0..<3 {
            loop.submit { loop in
                await loop.offload {}
                if left.value.add(1, ordering: .relaxed).newValue == 3 { loop.stop() }
            }
        }
        loop.run()
        return Weak(loop.executor)
    }

    private final class Count: Sendable { let value = Atomic(0) }

    private struct Weak {
        weak var object: LoopExecutor?
        init(_ object: LoopExecutor) { self.object = object }
    }
}

/// What arrived from several producers, each of which counts up.
private final class Arrivals: Sendable {
    private struct State {
        var next: [Int]
        var outOfOrder = 0
    }

    private let each: Int
    private let state: Guarded<State>

    init(producers: Int, each: Int) {
        self.each = each
        state = Guarded(State(next: [Int](repeating: 0, count: producers)))
    }

    func arrived(_ number: Int, from producer: Int) {
        state.withLock { state in
            if state.next[producer] != number { state.outOfOrder += 1 }
            state.next[producer] = number + 1
        }
    }

    var outOfOrder: Int { state.withLock { $0.outOfOrder } }
    var isComplete: Bool { state.withLock { $0.next.allSatisfy { $0 == each } } }
}

extension LoopExecutor {
    /// How many wake-ups were written since the last one was read; forgets them.
    fileprivate func takeWakeUps() -> UInt64 {
        var value: UInt64 = 0
        return read(wakeFile, &value, MemoryLayout<UInt64>.size) > 0 ? value : 0
    }
}

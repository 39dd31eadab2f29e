import Reactor
import Testing

@testable import Storage

@Suite struct AsyncLockTests {
    @Test func tasksEnterOneAtATimeInOrder() throws {
        let loop = try EventLoop()
        let box = Box<[Int]>()
        loop.submit { loop in
            let lock = AsyncLock()
            let log = Log()
            let tasks = (0..<200).map { index in
                loop.spawn {
                    try? await lock.with(on: loop) {
                        log.inside += 1
                        #expect(log.inside == 1)
                        await loop.yield()
                        log.order.append(index)
                        log.inside -= 1
                    }
                }
            }
            for task in tasks { await task.value }
            #expect(lock.isFree)
            box.set(log.order)
            loop.stop()
        }
        loop.run()
        #expect(box.value == Array(0..<200))
    }

    private final class Log {
        var inside = 0
        var order: [Int] = []
    }
}

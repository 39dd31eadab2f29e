import Reactor
import Synchronization
import TestSupport
import Testing

@Suite("Telling that a loop stops")
struct StopObserverTests {
    @Test(
        "observers are told once, in order, and not after they were cancelled", arguments: grounds)
    func order(ground: Ground) throws {
        let told = Mutex<[Int]>([])
        let loop = try ground.makeLoop()
        loop.submit { loop in
            _ = loop.onStop { told.withLock { $0.append(1) } }
            let cancelled = loop.onStop { told.withLock { $0.append(2) } }
            _ = loop.onStop { told.withLock { $0.append(3) } }
            loop.cancel(cancelled)
            loop.stop()
        }
        loop.run()
        #expect(told.withLock { $0 } == [1, 3])
        #expect(!loop.turn(waiting: .zero))
        #expect(told.withLock { $0 } == [1, 3])
    }
}

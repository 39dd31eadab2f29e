import CPin
import Glibc
import Reactor
import Synchronization

final class Moment: Sendable {
    let ranAt = Atomic<UInt64>(0)
}

/// How long a closure handed to the sleeping loop from another thread takes to run there.
func measureWakeUps(rounds: Int, loopCore: Int, submittingCore: Int, _ loop: EventLoop) {
    startThread {
        pin_to_core(Int32(loopCore))
        loop.run()
    }
    pin_to_core(Int32(submittingCore))
    let moment = Moment()
    var times: [UInt64] = []
    for _ in 0..<rounds {
        let rested = Instant.now + .microseconds(50)
        while Instant.now < rested {}
        moment.ranAt.store(0, ordering: .relaxed)
        let begin = Instant.now.nanoseconds
        loop.submit { loop in moment.ranAt.store(Instant.now.nanoseconds, ordering: .releasing) }
        var end: UInt64 = 0
        while end == 0 { end = moment.ranAt.load(ordering: .acquiring) }
        times.append(end - begin)
    }
    times.sort()
    print("{\"median\":\(times[rounds / 2]),\"p99\":\(times[rounds * 99 / 100])}")
}

func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
}

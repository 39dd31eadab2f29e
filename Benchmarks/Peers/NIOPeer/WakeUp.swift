import CPeer
import Glibc
import NIOCore
import NIOPosix
import Synchronization

func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

final class Moment: Sendable {
    let ranAt = Atomic<UInt64>(0)
}

/// How long a closure handed to the sleeping loop from another thread takes to run there.
func measureWakeUps(
    rounds: Int, loopCore: Int, submittingCore: Int, _ loop: any EventLoop
) throws {
    try loop.submit { cpeer_pin(Int32(loopCore)) }.wait()
    cpeer_pin(Int32(submittingCore))
    let moment = Moment()
    var times: [UInt64] = []
    for _ in 0..<rounds {
        let rested = now() + 50_000
        while now() < rested {}
        moment.ranAt.store(0, ordering: .relaxed)
        let begin = now()
        loop.execute { moment.ranAt.store(now(), ordering: .releasing) }
        var end: UInt64 = 0
        while end == 0 { end = moment.ranAt.load(ordering: .acquiring) }
        times.append(end - begin)
    }
    times.sort()
    print("{\"median\":\(times[rounds / 2]),\"p99\":\(times[rounds * 99 / 100])}")
}

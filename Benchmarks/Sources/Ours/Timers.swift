import Glibc
import Reactor

func cpuTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Tells how many timers have yet to fire.
final class Countdown {
    var left: Int
    init(_ count: Int) { left = count }
}

/// CPU time of arming and cancelling, a second or `count` times long, and of arming and firing `count` times,
/// while `count` others are armed.
func measureTimers(count: Int, _ loop: isolated EventLoop) {
    for index in 0..<count { loop.schedule(after: .milliseconds(60_000 + index % 30_000)) {} }
    let begin = cpuTime()
    var cancelled = 0
    while cancelled < count, cancelled % 64 != 0 || cpuTime() - begin < 1_000_000_000 {
        loop.cancel(loop.schedule(after: .milliseconds(30_000 + cancelled % 30_000)) {})
        cancelled += 1
    }
    let end = cpuTime()
    let cancelledCount = cancelled
    let countdown = Countdown(count)
    for index in 0..<count {
        loop.schedule(after: .milliseconds(500 + index % 1000)) {
            countdown.left -= 1
            guard countdown.left == 0 else { return }
            print(
                "{\"cancelled\":\(cancelledCount),\"cancelTime\":\(end - begin),",
                "\"fired\":\(count),\"fireTime\":\(cpuTime() - end)}")
            loop.stop()
        }
    }
}

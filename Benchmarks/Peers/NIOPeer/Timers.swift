import Glibc
import NIOCore

func cpuTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Ends the measurement when all have fired.
///
/// Not Sendable by itself, but armed and fired on the one event loop only.
final class Countdown: NIOScheduledCallbackHandler, @unchecked Sendable {
    private var left: Int
    private let done: () -> Void

    init(_ count: Int, _ done: @escaping () -> Void) {
        left = count
        self.done = done
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        left -= 1
        if left == 0 { done() }
    }
}

/// CPU time of arming and cancelling, a second or `count` times long, and of arming and firing `count` times,
/// while `count` others are armed. Uses callbacks, which allocate less than scheduled tasks.
func measureTimers(count: Int, _ loop: any EventLoop) throws {
    let fired = loop.makePromise(of: UInt64.self)
    let (cancelled, cancelTime) = try loop.submit {
        let idle = Countdown(0) {}
        for index in 0..<count {
            try loop.scheduleCallback(
                in: .milliseconds(60_000 + Int64(index % 30_000)), handler: idle)
        }
        let begin = cpuTime()
        var cancelled = 0
        while cancelled < count, cancelled % 64 != 0 || cpuTime() - begin < 1_000_000_000 {
            let delay = TimeAmount.milliseconds(30_000 + Int64(cancelled % 30_000))
            try loop.scheduleCallback(in: delay, handler: idle).cancel()
            cancelled += 1
        }
        let end = cpuTime()
        let countdown = Countdown(count) { fired.succeed(cpuTime() - end) }
        for index in 0..<count {
            let delay = TimeAmount.milliseconds(500 + Int64(index % 1000))
            try loop.scheduleCallback(in: delay, handler: countdown)
        }
        return (cancelled, end - begin)
    }.wait()
    let fireTime = try fired.futureResult.wait()
    print(
        "{\"cancelled\":\(cancelled),\"cancelTime\":\(cancelTime),",
        "\"fired\":\(count),\"fireTime\":\(fireTime)}")
}

import Glibc

func nanoseconds(of clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

func wallTime() -> UInt64 { nanoseconds(of: CLOCK_MONOTONIC) }
func cpuTime() -> UInt64 { nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID) }

/// The CPU time of another process.
func cpuTime(of pid: Int32) -> UInt64 {
    var clock = clockid_t()
    return clock_getcpuclockid(pid, &clock) == 0 ? nanoseconds(of: clock) : 0
}

internal import Glibc

/// A time of day, in milliseconds since 1970.
struct WallTime: Hashable {
    let milliseconds: Int64

    static var now: WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// `1795412993.272`, as captures have it.
    var epoch: String { "\(milliseconds / 1000).\(Self.padded(milliseconds % 1000, to: 3))" }

    /// `12:09:53.272`, where the machine is.
    var clock: String {
        var (seconds, parts) = (time_t(milliseconds / 1000), tm())
        localtime_r(&seconds, &parts)
        let fields = [parts.tm_hour, parts.tm_min, parts.tm_sec]
        return fields.map { Self.padded(Int64($0), to: 2) }.joined(separator: ":")
            + ".\(Self.padded(milliseconds % 1000, to: 3))"
    }

    private static func padded(_ number: Int64, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

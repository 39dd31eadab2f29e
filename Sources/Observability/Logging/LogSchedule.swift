internal import Glibc

/// When a log file is replaced: `when`, `interval` and `utc` of TimedRotatingFileHandler.
struct LogSchedule: Sendable, Hashable {
    private enum Unit: Sendable, Hashable {
        case seconds(Int)
        case midnight
        /// Monday is 0.
        case weekday(Int)
    }

    private let unit: Unit
    private let interval: Int
    private let isUTC: Bool
    /// The ending that a replaced file gets, as a format of strftime.
    let suffix: String

    init?(when: String, interval: Int, isUTC: Bool) {
        self.interval = interval
        self.isUTC = isUTC
        switch when.uppercased() {
        case "S": (unit, suffix) = (.seconds(1), "%Y-%m-%d_%H-%M-%S")
        case "M": (unit, suffix) = (.seconds(60), "%Y-%m-%d_%H-%M")
        case "H": (unit, suffix) = (.seconds(3600), "%Y-%m-%d_%H")
        case "D": (unit, suffix) = (.seconds(86400), "%Y-%m-%d")
        case "MIDNIGHT": (unit, suffix) = (.midnight, "%Y-%m-%d")
        case let day where day.count == 2 && day.hasPrefix("W"):
            guard let number = Int(day.dropFirst()), (0...6).contains(number) else { return nil }
            (unit, suffix) = (.weekday(number), "%Y-%m-%d")
        default: return nil
        }
    }

    /// The next time of replacement after a moment.
    func next(after seconds: Int) -> Int {
        switch unit {
        case .seconds(let length): return seconds + length * interval
        case .midnight: return midnight(after: seconds, days: interval)
        case .weekday(let day):
            // Python rotates at the midnight that ends the day it is given.
            let today = (Int(parts(seconds).tm_wday) + 6) % 7
            return midnight(after: seconds, days: (day - today + 7) % 7 + 1)
        }
    }

    /// The ending of the file that is replaced at a time: the time at which its span began.
    func ending(replacedAt seconds: Int) -> String {
        let begin: Int
        switch unit {
        case .seconds(let length): begin = seconds - length * interval
        case .midnight: begin = seconds - 86400 * interval
        case .weekday: begin = seconds - 86400 * 7
        }
        return String(
            decoding: formattedTime(max(begin, 0), suffix, isUTC: isUTC), as: UTF8.self)
    }

    private func parts(_ seconds: Int) -> tm {
        var moment = time_t(seconds)
        var parts = tm()
        if isUTC { gmtime_r(&moment, &parts) } else { localtime_r(&moment, &parts) }
        return parts
    }

    /// Days differ in length where clocks change, so the calendar does the sum.
    private func midnight(after seconds: Int, days: Int) -> Int {
        var parts = parts(seconds)
        parts.tm_mday += Int32(clamping: days)
        parts.tm_hour = 0
        parts.tm_min = 0
        parts.tm_sec = 0
        parts.tm_isdst = -1
        return isUTC ? timegm(&parts) : mktime(&parts)
    }
}

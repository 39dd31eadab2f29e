internal import Synchronization

/// The text of the second that is written into logs: most lines have the one of the line before.
final class SecondText: Sendable {
    private let last = Mutex((second: Int.min, text: [UInt8]()))

    /// A second since 1970 by a format of strftime; nil is Python's own.
    func text(_ second: Int, _ format: String?) -> [UInt8] {
        last.withLock { last in
            if last.second != second {
                last = (second, formattedTime(second, format ?? "%Y-%m-%d %H:%M:%S", isUTC: false))
            }
            return last.text
        }
    }
}

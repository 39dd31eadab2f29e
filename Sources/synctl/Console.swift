import Glibc
import ProcessControl

/// Shows lines: what went well on standard output, the rest on standard error.
struct Console: Sendable {
    /// Colours are for eyes: only where the stream is a terminal that knows them.
    private static func isColoured(_ stream: Int32) -> Bool {
        guard isatty(stream) == 1, getenv("NO_COLOR") == nil else { return false }
        return getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
    }

    func show(_ report: FleetReport) {
        let stream = report.tone == .good ? STDOUT_FILENO : STDERR_FILENO
        let colour: String
        switch report.tone {
        case .good: colour = "\u{1b}[32m"
        case .remark: colour = "\u{1b}[33m"
        case .bad: colour = "\u{1b}[31m"
        case .detail: colour = ""
        }
        let isColoured = !colour.isEmpty && Console.isColoured(stream)
        let line = isColoured ? "\(colour)\(report.text)\u{1b}[0m\n" : "\(report.text)\n"
        let bytes = Array(line.utf8)
        _ = write(stream, bytes, bytes.count)
    }
}

internal import Bytes
internal import Glibc
internal import Reactor
internal import ReplicationWire

/// `beamline replication tail`: the rows of a main, live.
public enum Tail {
    /// How rows are shown.
    public enum Format: Sendable, Hashable {
        /// A line for people.
        case text
        /// A line of JSON.
        case json
        /// Every line of the main, as it came.
        case raw
    }

    /// Shows rows until Ctrl-C, until `count` rows were shown, or until nobody reads them any
    /// more; returns the exit code.
    public static func run(_ following: Following, format: Format, count: Int?) -> Int32 {
        ToolLoop.run(following.name) { interruption, loop in
            let output = LineOutput(STDOUT_FILENO)
            let view = TailView(output, format, following.dialect, count: count)
            let follower = try Follower(following, output: view)
            view.onEnd = { follower.end($0) }
            output.onFailure = { error in
                if error.code != EPIPE { follower.say("cannot write: \(error)") }
                follower.end(error.code == EPIPE ? 0 : 1)
            }
            interruption.onInterrupt = { follower.end(0) }
            let code = await follower.run(on: loop)
            output.flush()
            return code
        }
    }
}

/// Prints rows or lines, and counts them.
final class TailView: FollowerOutput {
    private let output: LineOutput
    private let format: RowFormat?
    private let dialect: Dialect
    private var left: Int?
    var onEnd: ((Int32) -> Void)?

    init(_ output: LineOutput, _ format: Tail.Format, _ dialect: Dialect, count: Int?) {
        self.output = output
        self.dialect = dialect
        left = count
        let style: RowFormat.Style? =
            switch format {
            case .text: .text(isColoured: output.isTerminal)
            case .json: .json
            case .raw: nil
            }
        self.format = style.map { RowFormat(style: $0, dialect: dialect) }
    }

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        guard let format else { return }
        let time = WallTime.now
        for row in rows where takeOne() {
            output.append(format.line(row, of: stream, token: position, at: time), on: loop)
        }
        endIfDone()
    }

    func line(_ line: RawSpan, isFromMain: Bool, on loop: isolated EventLoop) {
        guard format == nil, isFromMain, left != 0 else { return }
        if line.starts(with: "RDATA ") { _ = takeOne() }
        output.append(line, on: loop)
        output.append("\n", on: loop)
        endIfDone()
    }

    /// Whether one more may be shown.
    private func takeOne() -> Bool {
        guard let left else { return true }
        guard left > 0 else { return false }
        self.left = left - 1
        return true
    }

    private func endIfDone() {
        if left == 0 { onEnd?(0) }
    }
}

internal import Bytes
internal import Glibc
internal import Reactor
internal import ReplicationWire

/// `beamline replication record`: a session with a main, into a file.
public enum Record {
    /// Records until Ctrl-C, for `seconds`, or until `count` rows have come; returns the exit code.
    public static func run(
        _ following: Following, path: String, seconds: Int?, count: Int?
    ) -> Int32 {
        ToolLoop.run(following.name) { interruption, loop in
            let output: LineOutput
            do throws(SystemError) {
                output = try LineOutput(path: path)
            } catch {
                Notices.say("\(following.name): cannot write \(path): \(error)")
                return 1
            }
            let recorder = Recorder(output, count: count)
            let follower = try Follower(following, output: recorder)
            recorder.onEnd = { follower.end($0) }
            output.onFailure = { error in
                follower.say("cannot write \(path): \(error)")
                follower.end(1)
            }
            interruption.onInterrupt = { follower.end(0) }
            if let seconds { loop.schedule(after: .seconds(seconds)) { follower.end(0) } }
            recorder.begin(following, on: loop)
            let code = await follower.run(on: loop)
            output.flush()
            follower.say("\(recorder.rowCount) rows recorded")
            return output.failure == nil ? code : 1
        }
    }
}

/// Writes the lines of a session with their times, in the form of a capture.
final class Recorder: FollowerOutput {
    private let output: LineOutput
    private let countMax: Int?
    private(set) var rowCount = 0
    var onEnd: ((Int32) -> Void)?

    init(_ output: LineOutput, count: Int?) {
        self.output = output
        countMax = count
    }

    func begin(_ following: Following, on loop: isolated EventLoop) {
        let dialect = following.dialect == .named ? "named" : "classic"
        output.append("# Recorded from \(following.main), \(dialect) dialect.\n", on: loop)
    }

    /// One worker's lines all carry one number, however often it had to connect again.
    private func write(_ direction: String, _ line: RawSpan, on loop: isolated EventLoop) {
        output.append("\(WallTime.now.epoch) 1 \(direction) ", on: loop)
        output.append(line, on: loop)
        output.append("\n", on: loop)
    }

    func line(_ line: RawSpan, isFromMain: Bool, on loop: isolated EventLoop) {
        guard countMax.map({ rowCount < $0 }) ?? true else { return }
        write(isFromMain ? ">" : "<", line, on: loop)
        guard isFromMain, line.starts(with: "RDATA ") else { return }
        rowCount += 1
        if rowCount == countMax { onEnd?(0) }
    }

    func connectionEvent(_ text: String, on loop: isolated EventLoop) {
        let bytes = Array(text.utf8)
        write("*", bytes.span.bytes, on: loop)
    }
}

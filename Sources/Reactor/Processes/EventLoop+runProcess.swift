internal import Bytes
internal import Glibc

/// What a child process said and how it ended.
public struct ProcessOutcome: Sendable {
    /// How it ended.
    public var status: ProcessStatus
    /// Its standard output.
    public var output: [UInt8]
    /// Its standard error.
    public var error: [UInt8]
}

extension EventLoop {
    /// Runs a child process to its end: gives it `input` and collects what it writes to those of
    /// its streams that are channels, all of them unless the command says otherwise for input.
    ///
    /// Throws ETIMEDOUT after `timeout` and EFBIG once it has written more than `outputMax` bytes
    /// to a stream; it has been killed then. The rest is as for
    /// ``spawnProcess(_:handler:)``.
    public func runProcess(
        _ command: ProcessCommand, input: [UInt8] = [], outputMax: Int, timeout: Duration
    ) async throws(SystemError) -> ProcessOutcome {
        var command = command
        command.input = .channel
        command.output = .channel
        if case .output = command.error {} else { command.error = .channel }
        let collectors = StandardStream.allCases.map { _ in Collector(max: outputMax) }
        let child = try await spawnProcess(command) { stream, _ in collectors[stream.rawValue] }
        let timer = schedule(after: timeout) {
            child.verdict = .timedOut("runProcess")
            child.kill(SIGKILL, on: self)
            // Its own children may hold the streams for longer.
            for channel in [child.output, child.error] { channel?.abort(on: self) }
        }
        for collector in collectors {
            collector.overflowed = {
                child.verdict = child.verdict ?? SystemError("runProcess", code: EFBIG)
                child.kill(SIGKILL, on: self)
            }
        }
        if !input.isEmpty { child.input?.write(input, on: self) }
        child.input?.shutdownOutput(on: self)
        if child.output != nil { await collectors[1].end(on: self) }
        if child.error != nil { await collectors[2].end(on: self) }
        let status = await child.wait(on: self)
        cancel(timer)
        child.input?.abort(on: self)
        if let failure = child.verdict { throw failure }
        return ProcessOutcome(
            status: status, output: collectors[1].bytes, error: collectors[2].bytes)
    }
}

/// Collects what a child writes, up to a limit.
private final class Collector: ChannelHandler {
    private let max: Int
    private(set) var bytes: [UInt8] = []
    var overflowed: (() -> Void)?
    private var hasEnded = false
    private var waiter: UnsafeContinuation<Void, Never>?

    init(max: Int) { self.max = max }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        guard self.bytes.count + bytes.byteCount <= max else {
            overflowed?()
            return channel.abort(on: loop)
        }
        self.bytes += bytes.array
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        hasEnded = true
        overflowed = nil
        waiter.take()?.resume()
    }

    func end(on loop: isolated EventLoop) async {
        if hasEnded { return }
        await withUnsafeContinuation(isolation: loop) { waiter = $0 }
    }
}

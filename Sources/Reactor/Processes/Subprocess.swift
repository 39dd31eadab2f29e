internal import CReactor
internal import Glibc

/// A child process that a loop has started. The loop reaps it when it ends, whether or not somebody
/// waits for it.
public final class Subprocess: Dependant {
    /// The process's number; it may be another's after the end.
    public let pid: Int32
    /// How it ended; `nil` while it runs.
    public private(set) var status: ProcessStatus?
    /// Its standard input, if that is a channel: what is written here the child reads, and
    /// ``Channel/shutdownOutput(on:)`` or ``Channel/close(lingering:on:)`` tell it of the end.
    public fileprivate(set) var input: Channel?
    /// Its standard output, if that is a channel.
    public fileprivate(set) var output: Channel?
    /// Its standard error, if that is a channel.
    public fileprivate(set) var error: Channel?

    /// Why whoever runs it has killed it.
    var verdict: SystemError?

    /// Closed as soon as the process is reaped.
    private var pidfd: Descriptor?
    private let outlivesLoop: Bool
    private var watch: Watch?
    private var registration: UInt64?
    private var waiters: [UnsafeContinuation<ProcessStatus, Never>] = []

    fileprivate init(_ pid: pid_t, _ pidfd: consuming Descriptor, outlivesLoop: Bool) {
        self.pid = pid
        self.pidfd = consume pidfd
        self.outlivesLoop = outlivesLoop
    }

    fileprivate func start(on loop: isolated EventLoop) throws(SystemError) {
        guard let raw = pidfd?.raw else { return }
        watch = try loop.watch(raw, for: .readable) { _ in self.reap(on: loop) }
        registration = loop.attach(self)
    }

    private func reap(on loop: isolated EventLoop) {
        end(ProcessStatus(waitStatus: creactor_reap(pid, false)), on: loop)
    }

    private func end(_ status: ProcessStatus, on loop: isolated EventLoop) {
        if let watch = watch.take() { loop.cancel(watch) }
        if let registration = registration.take() { loop.detach(registration) }
        pidfd = nil
        self.status = status
        let waiters = waiters
        self.waiters = []
        for waiter in waiters { waiter.resume(returning: status) }
    }

    /// Parks until the process has ended. Its channels may still hold output then.
    public func wait(on loop: isolated EventLoop) async -> ProcessStatus {
        if let status { return status }
        return await withUnsafeContinuation(isolation: loop) { waiters.append($0) }
    }

    /// Sends a signal (SIGTERM unless told otherwise), to this very process and never to another that got its number since; returns
    /// whether it still ran.
    @discardableResult
    public func kill(_ signal: Int32 = 15, on loop: isolated EventLoop) -> Bool {
        guard let raw = pidfd?.raw else { return false }
        return creactor_pidfd_signal(raw, signal) == 0
    }

    func loopStops(_ loop: isolated EventLoop) {
        guard status == nil else { return }
        if outlivesLoop { return end(.unknown, on: loop) }
        kill(SIGKILL, on: loop)
        end(ProcessStatus(waitStatus: creactor_reap(pid, true)), on: loop)
    }
}

/// One of a child's standard streams.
public enum StandardStream: Int, Sendable, CaseIterable {
    /// What the child reads.
    case input
    /// What it writes.
    case output
    /// What it complains about.
    case error
}

extension EventLoop {
    /// Starts a child process. `handler` gives the handler of each stream that is to be a channel;
    /// without one, what comes is thrown away.
    ///
    /// The child has its three standard streams and no other descriptor of this process, no signal
    /// blocked and all at their defaults. Throws what kept it from starting, such as ENOENT where
    /// there is no such program or folder, and ENOSYS before Linux 5.3, which has no pidfd_open(2).
    /// Leave SIGCHLD at its default and reap nobody else's children: waitpid(-1) would take these.
    public func spawnProcess(
        _ command: ProcessCommand,
        handler makeHandler: ((StandardStream, Channel) -> any ChannelHandler)? = nil
    ) async throws(SystemError) -> Subprocess {
        guard !isStopped else { throw .cancelled("posix_spawn") }
        var streams = try ChildStreams(command)
        let numbers = streams.numbers
        let pid = try await offload(to: blocking, waitingMax: EventLoop.fileOperationsMax) {
            Result { () throws(SystemError) in try command.start(numbers) }
        }.get()
        let ours = streams.finish()
        let child: Subprocess
        do throws(SystemError) {
            guard !isStopped else { throw .cancelled("posix_spawn") }
            let pidfd = Descriptor(owning: try system("pidfd_open") { creactor_pidfd(pid) })
            child = Subprocess(pid, pidfd, outlivesLoop: command.outlivesLoop)
            try child.start(on: self)
        } catch {
            for raw in ours where raw >= 0 { close(raw) }
            Glibc.kill(pid, SIGKILL)
            _ = creactor_reap(pid, true)
            throw error
        }
        for stream in StandardStream.allCases where ours[stream.rawValue] >= 0 {
            let channel = Channel(
                Descriptor(owning: ours[stream.rawValue]), options: ChannelOptions(), on: self)
            switch stream {
            case .input: child.input = channel
            case .output: child.output = channel
            case .error: child.error = channel
            }
            channel.start(makeHandler?(stream, channel) ?? Ignorer(), on: self)
        }
        return child
    }
}

/// Throws away what comes.
final class Ignorer: ChannelHandler {
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {}
}

/// The descriptors of a child's standard streams and our ends of those that are channels.
private struct ChildStreams: ~Copyable {
    /// What the child gets as 0, 1 and 2; -1 for none.
    private(set) var numbers: [Int32] = []
    private var ours: [Int32] = [-1, -1, -1]
    private var theirs: [Int32] = []

    init(_ command: ProcessCommand) throws(SystemError) {
        for (index, stream) in [command.input, command.output, command.error].enumerated() {
            switch stream {
            case .null: numbers.append(-1)
            case .inherited: numbers.append(Int32(index))
            case .descriptor(let descriptor): numbers.append(descriptor)
            case .output: numbers.append(index == 2 ? numbers[1] : -1)
            case .channel:
                var ends: [Int32] = [-1, -1]
                do throws(SystemError) {
                    try system("socketpair") { creactor_stream_pair(&ends) }
                } catch {
                    for raw in ours + theirs where raw >= 0 { close(raw) }
                    // There is nothing left for the deinit.
                    ours = []
                    theirs = []
                    throw error
                }
                ours[index] = ends[0]
                theirs.append(ends[1])
                numbers.append(ends[1])
            }
        }
    }

    deinit { for raw in ours + theirs where raw >= 0 { close(raw) } }

    /// The child has its ends; ours are the caller's now.
    mutating func finish() -> [Int32] {
        for raw in theirs { close(raw) }
        theirs = []
        defer { ours = [] }
        return ours
    }
}

extension ProcessCommand {
    /// Starts the program. Any thread; waits until it runs.
    fileprivate func start(_ streams: [Int32]) throws(SystemError) -> pid_t {
        for text in [program] + arguments + [folder ?? ""] where text.utf8.contains(0) {
            throw SystemError("posix_spawn", code: EINVAL)
        }
        let texts = environment.map { $0.map { "\($0.key)=\($0.value)" } }
        var pid: pid_t = 0
        let code = CStrings([program] + arguments).withPointers { arguments in
            CStrings(texts ?? []).withPointers { environment in
                program.withCString { program in
                    withOptional(folder) { folder in
                        var command = creactor_command(
                            program: program, arguments: arguments,
                            environment: texts == nil ? nil : environment, folder: folder,
                            streams: (streams[0], streams[1], streams[2]),
                            starts_session: startsSession)
                        return creactor_spawn(&command, &pid)
                    }
                }
            }
        }
        guard code == 0 else { throw SystemError("posix_spawn", code: code) }
        return pid
    }

    private func withOptional<Result>(
        _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
    ) -> Result {
        guard let text else { return body(nil) }
        return text.withCString { body($0) }
    }
}

/// Strings as C wants a list of them.
private struct CStrings: ~Copyable {
    private var pointers: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) {
        pointers = strings.map { strdup($0) }
        pointers.append(nil)
    }

    deinit { for pointer in pointers { free(pointer) } }

    func withPointers<Result>(
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        // Never empty: it ends with NULL.
        pointers.withUnsafeBufferPointer { buffer in
            withExtendedLifetime(pointers) {
                guard let base = buffer.baseAddress else { preconditionFailure("an empty list") }
                return body(base)
            }
        }
    }
}

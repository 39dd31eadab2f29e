internal import CProcess
internal import Glibc
internal import Synchronization

/// A program to start, with its surroundings.
public struct Command: Sendable, Hashable {
    /// Where a stream of the child leads.
    public enum Stream: Sendable, Hashable {
        /// Where the parent's leads.
        case inherited
        /// `/dev/null`.
        case null
        /// A file that is appended to, or read from.
        case file(String)
        /// A descriptor of the parent.
        case descriptor(Int32)
    }

    /// The program's path; nothing is searched.
    public var executable: String
    /// The arguments after the program's name.
    public var arguments: [String]
    /// The whole environment; nil is the parent's.
    public var environment: [String: String]?
    /// The working folder; nil is the parent's.
    public var workingDirectory: String?
    /// Standard input.
    public var input = Stream.null
    /// Standard output.
    public var output = Stream.inherited
    /// Standard error.
    public var error = Stream.inherited
    /// Whether the child has a session of its own, so that Ctrl-C does not reach it.
    public var startsSession = false

    /// A program with arguments.
    public init(_ executable: String, _ arguments: [String] = []) {
        self.executable = executable
        self.arguments = arguments
    }
}

/// How a process ended.
public enum ChildStatus: Sendable, Hashable, CustomStringConvertible {
    /// It exited with a code.
    case exited(Int32)
    /// A signal ended it.
    case signalled(Int32)

    /// Whether it exited with 0.
    public var isSuccess: Bool { self == .exited(0) }

    /// For people.
    public var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signalled(let signal): "signal \(signal)"
        }
    }
}

/// A child of this process. Wait for it, or it stays behind as a zombie.
public final class ChildProcess: Sendable {
    /// The process's number; valid until `wait` has returned a status.
    public let pid: Int32
    private let status = Mutex<ChildStatus?>(nil)

    /// Starts a program. Throws if it cannot be executed.
    public init(_ command: Command) throws(ProcessControlError) {
        var opened: [Int32] = []
        defer { opened.forEach { close($0) } }
        func descriptor(_ stream: Command.Stream, flags: Int32) throws(ProcessControlError) -> Int32
        {
            let path: String
            switch stream {
            case .inherited: return -1
            case .descriptor(let descriptor): return descriptor
            case .null: path = "/dev/null"
            case .file(let name): path = name
            }
            let descriptor = open(path, flags | O_CLOEXEC | O_NOCTTY, 0o644)
            guard descriptor >= 0 else {
                throw ProcessControlError(system: errno, "\(path): cannot be opened")
            }
            opened.append(descriptor)
            return descriptor
        }
        let writing = O_WRONLY | O_CREAT | O_APPEND
        let input = try descriptor(command.input, flags: O_RDONLY)
        let output = try descriptor(command.output, flags: writing)
        let error = try descriptor(command.error, flags: writing)
        var pid: pid_t = 0
        let code = ChildProcess.spawn(command, input, output, error, &pid)
        guard code == 0 else {
            throw ProcessControlError(system: code, "\(command.executable): cannot be started")
        }
        self.pid = pid
    }

    private static func spawn(
        _ command: Command, _ input: Int32, _ output: Int32, _ error: Int32, _ pid: inout pid_t
    ) -> Int32 {
        let environment = command.environment.map { variables in
            variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        }
        return withCStrings([command.executable] + command.arguments) { arguments in
            withCStrings(environment ?? []) { variables in
                command.executable.withCString { program in
                    let folder = command.workingDirectory.map { strdup($0) } ?? nil
                    defer { free(folder) }
                    var options = cprocess_spawn_options(
                        program: program, arguments: arguments,
                        environment: environment == nil ? environ : variables, folder: folder,
                        input: input, output: output, error: error,
                        starts_session: command.startsSession)
                    return cprocess_spawn(&options, &pid)
                }
            }
        }
    }

    /// Waits for the end. Returns nil if the time is over first; without a limit it always ends.
    public func wait(within timeout: Duration? = nil) -> ChildStatus? {
        let deadline = timeout.map { ContinuousClock.now + $0 }
        let watch = cprocess_pidfd(pid)
        defer { if watch >= 0 { close(watch) } }
        while true {
            if let status = reap() { return status }
            var pause = Duration.seconds(watch >= 0 ? 3600 : 0) + .milliseconds(20)
            if let deadline {
                let left = ContinuousClock.now.duration(to: deadline)
                guard left > .zero else { return nil }
                pause = min(pause, left)
            }
            var entry = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
            poll(&entry, watch >= 0 ? 1 : 0, pause.millisecondsRoundedUp)
        }
    }

    /// Sends a signal, unless the process has been waited for.
    public func signal(_ signal: Int32) {
        status.withLock { status in
            if status == nil { kill(pid, signal) }
        }
    }

    private func reap() -> ChildStatus? {
        status.withLock { status in
            if let status { return status }
            var word: Int32 = 0
            let answer = waitpid(pid, &word, WNOHANG)
            if answer == pid {
                let signal = word & 0x7f
                status = signal == 0 ? .exited((word >> 8) & 0xff) : .signalled(signal)
            } else if answer < 0 && errno == ECHILD {
                // Somebody else reaped it, or SIGCHLD is ignored: the code is lost.
                status = .exited(0)
            }
            return status
        }
    }
}

/// Lends C strings with a null pointer at their end.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
        capacity: strings.count + 1)
    for (index, string) in strings.enumerated() {
        (pointers + index).initialize(to: strdup(string))
    }
    (pointers + strings.count).initialize(to: nil)
    defer {
        for index in strings.indices { free(pointers[index]) }
        pointers.deallocate()
    }
    return body(pointers)
}

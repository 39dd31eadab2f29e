/// A program to run as a child process.
public struct ProcessCommand: Sendable {
    /// What one of the three standard streams is.
    public enum Stream: Sendable {
        /// `/dev/null`.
        case null
        /// This process's own.
        case inherited
        /// A descriptor of the caller's, which stays open here.
        case descriptor(Int32)
        /// A channel on the loop. It is a Unix socket, so a program that opens `/dev/stdin` by that
        /// name, instead of reading its standard input, fails with ENXIO.
        case channel
        /// For standard error: where standard output goes.
        case output
    }

    /// The program: a path, or a name without a slash that is searched in `PATH`.
    public var program: String
    /// Its arguments, without the program's name in front.
    public var arguments: [String]
    /// Its whole environment; `nil`: this process's.
    public var environment: [String: String]?
    /// Its working folder; `nil`: this process's.
    public var folder: String?
    /// Its standard input.
    public var input: Stream
    /// Its standard output.
    public var output: Stream
    /// Its standard error.
    public var error: Stream
    /// Whether it becomes the leader of a session of its own, so that a terminal's signals do not
    /// reach it.
    public var startsSession: Bool
    /// Whether it goes on when the loop stops. If not, it is killed then.
    public var outlivesLoop: Bool

    /// A program with its arguments, reading nothing and writing to where this process does.
    public init(
        _ program: String, _ arguments: [String] = [], environment: [String: String]? = nil,
        folder: String? = nil, input: Stream = .null, output: Stream = .inherited,
        error: Stream = .inherited, startsSession: Bool = false, outlivesLoop: Bool = false
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.folder = folder
        self.input = input
        self.output = output
        self.error = error
        self.startsSession = startsSession
        self.outlivesLoop = outlivesLoop
    }
}

/// How a child process ended.
public enum ProcessStatus: Sendable, Hashable {
    /// It returned this number.
    case exited(Int32)
    /// A signal ended it.
    case signalled(Int32)
    /// Nobody knows: the loop stopped before, or somebody else reaped it.
    case unknown

    init(waitStatus status: Int32) {
        if status < 0 {
            self = .unknown
        } else if status & 0x7f == 0 {
            self = .exited(status >> 8 & 0xff)
        } else {
            self = .signalled(status & 0x7f)
        }
    }
}

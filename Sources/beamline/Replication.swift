import ArgumentParser
import ReplicationTool

/// `beamline replication`: what an operator looks at replication with.
struct ReplicationCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replication",
        abstract: "Look at the replication of a main process, record it, and play it to workers.",
        subcommands: [TailCommand.self, LagCommand.self, RecordCommand.self, ReplayCommand.self])
}

/// `beamline replication tail HOST:PORT`
struct TailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Show rows as they are published, until Ctrl-C.")

    @OptionGroup var following: FollowingOptions

    @Flag(help: "Print each line of the main process as it is.")
    var raw = false

    @Flag(help: "Print a JSON object per row.")
    var json = false

    @Option(help: "End after this many rows.")
    var count: Int?

    func validate() throws {
        try requirePositive(count, "--count")
        if raw, json { throw ValidationError("--raw and --json exclude each other.") }
    }

    func run() throws {
        throw ExitCode(
            Tail.run(
                try following.following("tail"), format: raw ? .raw : json ? .json : .text,
                count: count))
    }
}

/// `beamline replication lag HOST:PORT`
struct LagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lag",
        abstract: "Show where each stream is, how fast it goes on, and how far workers are behind.",
        discussion: """
            The replication port tells where the main process is, and how long it takes to answer \
            behind everything that waits for the connection. How far a worker is behind tell \
            only its own metrics.
            """)

    @OptionGroup var following: FollowingOptions

    @Option(help: "The time between two tables, as 500ms, 1s or 1m.", transform: seconds(from:))
    var interval = Duration.seconds(1)

    @Option(help: "End after this many tables.")
    var count: Int?

    @Option(
        parsing: .upToNextOption,
        help: "Where workers serve their metrics, as http://127.0.0.1:8083/_synapse/metrics.")
    var metrics: [String] = []

    func validate() throws { try requirePositive(count, "--count") }

    func run() throws {
        throw ExitCode(
            Lag.run(
                try following.following("lag"), interval: interval, count: count, metrics: metrics))
    }

    private static func seconds(from text: String) throws -> Duration {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), (1...86_400_000).contains(number) else {
            throw ValidationError("'\(text)' is no time such as 500ms, 1s or 1m.")
        }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(number)
        case "s", "": return .seconds(number)
        case "m": return .seconds(number * 60)
        default: throw ValidationError("'\(text)' is no time such as 500ms, 1s or 1m.")
        }
    }
}

/// `beamline replication record HOST:PORT`
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Write every line of a session into a file, with its time, until Ctrl-C.")

    @OptionGroup var following: FollowingOptions

    @Option(help: "The file, which is replaced; - for standard output.")
    var output: String

    @Option(help: "End after this many seconds.")
    var seconds: Int?

    @Option(help: "End after this many rows.")
    var count: Int?

    func validate() throws {
        try requirePositive(seconds, "--seconds")
        try requirePositive(count, "--count")
    }

    func run() throws {
        throw ExitCode(
            Record.run(
                try following.following("record"), path: output, seconds: seconds, count: count))
    }
}

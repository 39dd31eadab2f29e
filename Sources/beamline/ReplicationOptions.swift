import ArgumentParser
import ReplicationTool
import ReplicationWire

/// What the commands that follow a main have in common.
struct FollowingOptions: ParsableArguments {
    @Argument(
        help: "Where the main process listens for workers: HOST:PORT, [IPv6]:PORT.",
        transform: { try Endpoint(parsing: $0) })
    var main: Endpoint

    @Option(
        name: .customLong("stream"), parsing: .upToNextOption,
        help: "Only these streams; all that every main process has if not given.")
    var streams: [String] = []

    @Option(help: "Begin behind this token: STREAM=TOKEN, or TOKEN with one stream; repeatable.")
    var since: [String] = []

    @Option(help: "classic, or named as Synapse from 1.13 on speaks.")
    var dialect = DialectName.classic

    @Option(help: "Accept only the main process of this server.")
    var serverName: String?

    func validate() throws { _ = try choice }

    private var choice: StreamChoice {
        get throws {
            do {
                return try StreamChoice(
                    names: streams, since: since, isNamed: dialect == .named)
            } catch {
                throw ValidationError(error.description)
            }
        }
    }

    func following(_ name: String) throws -> Following {
        Following(
            main: main, streams: try choice, dialect: dialect.value, serverName: serverName,
            name: name)
    }
}

enum DialectName: String, ExpressibleByArgument, CaseIterable {
    case classic
    case named

    var value: Dialect { self == .named ? .named : .classic }
}

/// Checks a count that an option gives.
func requirePositive(_ number: Int?, _ name: String) throws {
    if let number, number < 1 { throw ValidationError("\(name) takes a number from 1 on.") }
}

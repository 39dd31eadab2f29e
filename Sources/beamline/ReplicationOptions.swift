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

    @OptionGroup var secret: SecretOption

    @Flag(help: "Speak TLS with the main process, whose certificate must have HOST's name.")
    var tls = false

    @Option(help: "Authorities that its certificate must come from, as PEM; the system's.")
    var caPath: String?

    func validate() throws {
        _ = try choice
        if caPath != nil, !tls { throw ValidationError("--ca-path is of no use without --tls.") }
    }

    private var access: Access {
        var access = secret.access
        access.isTLS = tls
        access.authoritiesPath = caPath
        return access
    }

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
            access: access, name: name)
    }
}

/// The shared secret, which never stands on a command line itself.
struct SecretOption: ParsableArguments {
    @Option(
        help: """
            A file that holds the worker_replication_secret; without it, the environment's \
            \(Access.secretVariable), if there is one.
            """)
    var secretPath: String?

    var access: Access {
        var access = Access()
        access.secretPath = secretPath
        return access
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

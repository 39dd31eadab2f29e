import ArgumentParser
import ReplicationTool

/// `beamline replication replay FILE`
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Play a recorded session to workers, as their main process would.",
        discussion: "It waits for workers that read slowly, and tells its CPU time at the end.")

    @Argument(help: "A file of `beamline replication record`.")
    var file: String

    @Option(
        help: "Where to listen: HOST:PORT; port 0 lets the system choose.",
        transform: { try Endpoint(parsing: $0) })
    var listen: Endpoint

    @Option(help: "How many times as fast as it was recorded, or max: as workers take it.")
    var speed = "1"

    @Option(help: "Begin when this many workers have subscribed.")
    var workers = 1

    @Flag(help: "Begin again at the end, with tokens that go on, until Ctrl-C.")
    var loop = false

    @Option(help: "classic or named; seen from the file if not given.")
    var dialect: DialectName?

    @Option(help: "The server's name, which workers may insist on.")
    var serverName = "localhost"

    @Option(help: "The connection of the file that is played; the one with most rows.")
    var connection: Int?

    @OptionGroup var secret: SecretOption

    @Option(help: "Speak TLS with this certificate and its chain, as PEM.")
    var certificatePath: String?

    @Option(help: "The certificate's private key, as PEM.")
    var keyPath: String?

    func validate() throws {
        if (certificatePath == nil) != (keyPath == nil) {
            throw ValidationError("--certificate-path and --key-path need each other.")
        }
        try requirePositive(workers, "--workers")
        if speed != "max", Double(speed).map({ $0 > 0 && $0.isFinite }) != true {
            throw ValidationError("--speed takes a number above 0, or max.")
        }
        if serverName.isEmpty || serverName.contains(where: \.isWhitespace) {
            throw ValidationError("--server-name takes a name without spaces.")
        }
    }

    func run() throws {
        var options = Replay.Options(path: file, address: listen)
        options.speed = speed == "max" ? nil : Double(speed)
        options.workers = workers
        options.loops = loop
        options.dialect = dialect?.value
        options.serverName = serverName
        options.connection = connection
        options.access = secret.access
        options.access.certificatePath = certificatePath
        options.access.keyPath = keyPath
        throw ExitCode(Replay.run(options))
    }
}

import ArgumentParser
import Workers

/// `beamline -c homeserver.yaml [-c worker.yaml]`
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the main process, or the worker that the files describe (the default).")

    @Option(
        name: [.customShort("c"), .customLong("config-path")],
        help: "A YAML file, or a folder of them; repeatable, later ones override earlier ones.")
    var configPath: [String] = []

    @Flag(
        name: [.customShort("D"), .long], help: "Leave the terminal and go on in the background.")
    var daemonize = false

    @Flag(name: .customLong("no-daemonize"), help: "Stay in the foreground whatever the files say.")
    var staysInForeground = false

    @Flag(name: .customLong("print-pidfile"), help: "Print the path of the pid file.")
    var printsPidFile = false

    @Option(help: "Which process of a worker file with worker_replicas to run, from 1 on.")
    var replica: Int?

    @Flag(help: "Write a configuration file, a signing key and a log configuration, and exit.")
    var generateConfig = false

    @Option(name: [.customShort("H"), .long], help: "The server's name, with --generate-config.")
    var serverName: String?

    @Option(help: "yes or no, with --generate-config; nothing is ever reported.")
    var reportStats: YesOrNo?

    func validate() throws {
        if configPath.isEmpty {
            throw ValidationError("Missing -c FILE: the configuration to use.")
        }
        if let replica, replica < 1 { throw ValidationError("--replica takes a number from 1 on.") }
        guard generateConfig else { return }
        if serverName == nil {
            throw ValidationError("--generate-config needs --server-name NAME.")
        }
        if reportStats == nil {
            throw ValidationError(
                "--generate-config needs --report-stats=yes or --report-stats=no.")
        }
    }

    func run() throws {
        if generateConfig, let serverName, let reportStats {
            throw ExitCode(
                ConfigurationGenerator.run(
                    path: configPath[0], serverName: serverName, reportStats: reportStats == .yes))
        }
        throw ExitCode(
            ServerProcess.run(
                Launch(
                    configurationPaths: configPath, daemonizes: daemonize,
                    staysInForeground: staysInForeground, printsPidFile: printsPidFile,
                    replica: replica)))
    }
}

enum YesOrNo: String, ExpressibleByArgument, CaseIterable {
    case yes
    case no
}

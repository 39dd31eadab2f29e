import ArgumentParser
import Workers

/// `beamline routes --format nginx WORKERS`
struct RoutesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "routes",
        abstract: "Print a load balancer's configuration for the main process and its workers.",
        discussion: """
            What workers serve goes to them, the rest of the public interface to the main process. \
            A user stays with one worker. Workers with worker_initial_syncs: true get the syncs \
            without since, and only those.
            """)

    @Option(help: "nginx, haproxy, caddy or json.")
    var format: BalancerName

    @Option(
        name: [.customShort("c"), .customLong("config-path")],
        help: "The main configuration; repeatable. homeserver.yaml if not given.")
    var configPath: [String] = []

    @Argument(help: "Files of workers, or folders of them.")
    var workers: [String]

    @Option(help: "Where the balancer listens: PORT or ADDRESS:PORT.")
    var listen = "8448"

    @Option(help: "Where processes are reached that listen on all addresses.")
    var host = "127.0.0.1"

    @Flag(
        inversion: .prefixedNo,
        help: "Keep a user at one worker, by the access token; otherwise any serves any request.")
    var sticky = true

    func validate() throws {
        for (name, text) in [("--listen", listen), ("--host", host)] {
            let isPlain = text.utf8.allSatisfy { byte in
                (0x30...0x3a).contains(byte) || (0x41...0x5b).contains(byte) || byte == 0x5d
                    || (0x61...0x7a).contains(byte) || [0x2d, 0x2e, 0x2a].contains(byte)
            }
            guard isPlain, !text.isEmpty else {
                throw ValidationError("\(name) takes an address, not '\(text)'.")
            }
        }
    }

    func run() throws {
        var options = Balancing.Options(
            format: format.value, mainPaths: configPath.isEmpty ? ["homeserver.yaml"] : configPath,
            workerPaths: workers)
        options.listen = listen
        options.host = host
        options.isSticky = sticky
        throw ExitCode(Balancing.run(options))
    }
}

enum BalancerName: String, ExpressibleByArgument, CaseIterable {
    case nginx
    case haproxy
    case caddy
    case json

    var value: Balancing.Format {
        switch self {
        case .nginx: .nginx
        case .haproxy: .haproxy
        case .caddy: .caddy
        case .json: .json
        }
    }
}

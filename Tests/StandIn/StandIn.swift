import Configuration
import Glibc
import ProcessControl
import TestSupport

/// A process that does what a server does around its services: reads its configuration,
/// daemonises, writes its pid file, listens, and ends on SIGTERM.
///
/// `STANDIN` in the environment names misbehaviours: `fail:pusher crash:main …` with the name that
/// the process gives itself (`worker_name`, or `main`).
@main
enum StandIn {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        var paths: [String] = []
        for (flag, value) in zip(arguments, arguments.dropFirst()) where flag == "-c" {
            paths.append(value)
        }
        do {
            let replica = zip(arguments, arguments.dropFirst()).first { $0.0 == "--replica" }
            let configuration = try BeamlineConfiguration.load(
                paths: paths, options: LoadOptions(replica: replica.flatMap { Int($0.1) }))
            try run(configuration, daemonize: arguments.contains("--daemonize"))
        } catch {
            complain("\(error)")
            exit(2)
        }
    }

    private static func run(
        _ configuration: BeamlineConfiguration, daemonize: Bool
    ) throws(ProcessControlError) {
        let behaviour = Behaviour(of: configuration.instanceName)
        let report = daemonize ? try Daemon.detach() : StartupReport.foreground()
        let log = { (line: String) in
            append("\(configuration.instanceName) \(line)", to: configuration.logging.files.first)
        }
        log("starting")
        if behaviour.has("crash") { kill(getpid(), SIGKILL) }
        if behaviour.has("fail") {
            log("cannot connect to the database")
            report.failed("cannot connect to the database", exitCode: 7)
            exit(7)
        }
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigprocmask(SIG_BLOCK, &signals, nil)
        let pidFile: PidFile
        do throws(ProcessControlError) {
            pidFile = try PidFile.claim(configuration.pidFile ?? "")
        } catch {
            report.failed(error.description)
            exit(1)
        }
        if !behaviour.has("deaf") {
            for address in configuration.listeners.flatMap(\.addresses) { listen(on: address) }
        }
        if behaviour.has("slow") { while true { pause() } }
        // Logged first: after the report synctl goes on to the next process, which logs too.
        log("ready")
        report.ready()
        if behaviour.has("stubborn") { while true { pause() } }
        var signal: Int32 = 0
        sigwait(&signals, &signal)
        log("stopping")
        pidFile.release()
    }

    private static func listen(on address: ListenAddress) {
        guard case .unix(let path, _) = address else { return }
        unlink(path)
        var socketAddress = sockaddr_un()
        socketAddress.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &socketAddress.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = streamSocket(AF_UNIX)
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let code = withUnsafePointer(to: &socketAddress) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard code == 0, Glibc.listen(descriptor, 10) == 0 else {
            complain("\(path): \(String(cString: strerror(errno)))")
            exit(3)
        }
    }

    private static func append(_ line: String, to path: String?) {
        guard let path, let stream = fopen(path, "a") else { return }
        fputs("\(line)\n", stream)
        fclose(stream)
    }

    private static func complain(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// The misbehaviours that `STANDIN` asks of one process.
struct Behaviour {
    private let words: [Substring]

    init(of name: String) {
        let text = getenv("STANDIN").map { String(cString: $0) } ?? ""
        words = text.split(separator: " ").compactMap { word in
            let parts = word.split(separator: ":")
            return parts.count == 2 && parts[1] == name ? parts[0] : nil
        }
    }

    func has(_ word: Substring) -> Bool { words.contains(word) }
}

internal import Configuration
internal import Glibc
internal import Logging
internal import Observability
internal import ProcessControl
internal import Reactor
internal import Synchronization

/// The life of one server process, main or worker, from its files to its exit code.
///
/// 1. Read the configuration; mistakes end the process with code 1 before anything has begun.
/// 2. Leave the terminal if asked to, take the pid file, open the log.
/// 3. Make the loop and block the signals it will read.
/// 4. Start what the role consists of: the database, replication, listeners. Then say that the process is ready.
/// 5. Run until SIGTERM or SIGINT; drain; exit with 0. A second signal ends the draining.
public enum ServerProcess {
    /// Runs the process and returns its exit code.
    public static func run(_ launch: Launch) -> Int32 {
        let configuration: BeamlineConfiguration
        let logging: LoggingConfiguration
        do {
            configuration = try BeamlineConfiguration.load(
                paths: launch.configurationPaths, options: LoadOptions(replica: launch.replica))
            if launch.replica == nil, let count = configuration.replicas.count {
                throw StartFailure(
                    description: "\(configuration.files.last ?? ""): worker_replicas: is \(count), "
                        + "expected --replica with a number from 1 to \(count); synctl starts all")
            }
            logging = try readLogging(configuration)
        } catch {
            complain("\(error)")
            return 1
        }
        for diagnostic in configuration.diagnostics where diagnostic.severity == .warning {
            complain("\(diagnostic)")
        }
        if launch.printsPidFile { print(configuration.pidFile ?? "") }
        let report: StartupReport
        do {
            let leaves = launch.daemonizes || configuration.daemonize
            report = leaves && !launch.staysInForeground ? try Daemon.detach() : .foreground()
        } catch {
            complain("\(error)")
            return 1
        }
        do {
            return try serve(configuration, logging, report)
        } catch {
            report.failed("\(configuration.role.appName): \(error)")
            return 1
        }
    }

    private static func serve(
        _ configuration: BeamlineConfiguration, _ logging: LoggingConfiguration,
        _ report: StartupReport
    ) throws -> Int32 {
        let pidFile = try configuration.pidFile.map { try PidFile.claim($0) }
        defer { pidFile?.release() }
        let files = Result { try ResourceLimits.raiseOpenFiles(to: configuration.softFileLimit) }
        // A write to a peer that has gone is an error like others, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // Nor is one beyond the size that a file may have (RLIMIT_FSIZE): a log must not end its process.
        signal(SIGXFSZ, SIG_IGN)
        // Before any thread starts, so that no other thread takes them.
        EventLoop.blockSignals(RunningProcess.signals)
        let loop = try EventLoop(backend: configuration.eventLoopBackend.backend)
        let logs = try LogSystem(logging)
        defer { logs.flush() }
        let log = logs.logger("beamline.\(configuration.role.rawValue)")
        for remark in logging.remarks { log.warning("\(remark)") }
        for diagnostic in configuration.diagnostics {
            log.log(level: diagnostic.severity == .info ? .info : .warning, "\(diagnostic)")
        }
        if case .failure(let error) = files { log.warning("\(error)") }
        log.info(
            """
            Starting \(configuration.role.appName) as \(configuration.instanceName), \
            process \(getpid()), backend \(loop.backend.rawValue)
            """)
        let exitCode = Atomic<Int32>(1)
        loop.submit { loop in
            let process = RunningProcess(configuration, logs, log, on: loop)
            exitCode.store(await process.live(report: report, on: loop), ordering: .relaxed)
            loop.stop()
        }
        loop.run()
        log.info("Stopped")
        return exitCode.load(ordering: .relaxed)
    }

    private static func readLogging(
        _ configuration: BeamlineConfiguration
    ) throws -> LoggingConfiguration {
        switch configuration.logging {
        case .configuration(let path):
            var logging = try LoggingConfiguration(contentsOf: path)
            if let number = configuration.replicas.number {
                logging.renameFiles { ReplicasConfiguration.path($0, number) }
            }
            return logging
        case .file(let path): return .file(path)
        case .standardError: return .standard
        }
    }

    private static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

extension EventLoopBackend {
    fileprivate var backend: EventLoop.Backend {
        switch self {
        case .auto: .auto
        case .epoll: .epoll
        case .ioUring: .ioUring
        }
    }
}

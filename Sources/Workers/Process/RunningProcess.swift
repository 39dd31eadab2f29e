internal import Configuration
internal import Glibc
internal import Logging
internal import Observability
internal import ProcessControl
internal import Reactor
internal import TLS

/// A server process between its first turn and its last.
final class RunningProcess {
    /// What the process reads through its loop.
    static let signals = [SIGTERM, SIGINT, SIGHUP]

    private let environment: ProcessEnvironment
    private var waiter: UnsafeContinuation<Void, Never>?
    private var isStopping = false

    init(
        _ configuration: BeamlineConfiguration, _ logs: LogSystem, _ log: Logger,
        on loop: isolated EventLoop
    ) {
        environment = ProcessEnvironment(configuration, logs, log, on: loop)
    }

    /// Starts, serves until a signal comes, drains. Returns the exit code.
    func live(report: StartupReport, on loop: isolated EventLoop) async -> Int32 {
        let part = Roles.assemble(environment, on: loop)
        do {
            try loop.onSignals(Self.signals) { self.received($0, part, on: loop) }
            try await part.start(on: loop)
        } catch {
            environment.log.critical("Cannot start: \(error)")
            report.failed("\(environment.configuration.role.appName): \(error)")
            await part.stop(on: loop)
            return 1
        }
        guard !isStopping else {
            environment.log.info("Stopping before the start was complete")
            report.failed(
                "\(environment.configuration.role.appName): told to stop while it started")
            await part.stop(on: loop)
            return 0
        }
        report.ready()
        ServiceManager.ready(status: "serving")
        environment.log.info("Ready")
        if !isStopping { await withUnsafeContinuation(isolation: loop) { waiter = $0 } }
        environment.log.info("Stopping")
        ServiceManager.stopping()
        await part.stop(on: loop)
        return 0
    }

    /// A certificate that cannot be used leaves the old one in place.
    private func reloadCertificates() {
        guard let tls = environment.tls else { return }
        do {
            try tls.reload()
            environment.log.info("Certificate read anew")
        } catch {
            environment.log.error("The certificate stays as it was: \(error)")
        }
    }

    /// SIGHUP opens the logs and reads the certificate anew; the others end the process, gently at first.
    private func received(
        _ signal: Int32, _ part: any RoleProcess, on loop: isolated EventLoop
    ) {
        if signal == SIGHUP {
            for failure in environment.logs.reopen() { environment.log.error("\(failure)") }
            environment.log.info("Logs reopened")
            reloadCertificates()
        } else if !isStopping {
            isStopping = true
            part.interrupt(on: loop)
            waiter.take()?.resume()
        } else {
            environment.log.warning("Second signal: ending at once")
            loop.stop()
        }
    }
}

import ArgumentParser
import Configuration
import Glibc
import ProcessControl

/// The command line: reads configurations, and leaves the work to `Fleet`.
@main
struct Synctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synctl",
        abstract: "Start, stop and look after a Beamline server and its workers.",
        discussion: """
            Without -w and -a it is about the main process, with -w about one worker, with -a about \
            the main process and every worker of a folder. A file of the folder with worker_app: \
            synapse.app.homeserver is laid over the main configuration.

            Exit codes: 0 done, 1 failed, 3 (status) not everything is running.
            """)

    enum Action: String, ExpressibleByArgument, CaseIterable {
        case start, stop, restart, status
    }

    @Argument(help: "What to do: start, stop, restart or status.")
    var action: Action

    @Argument(help: "The main configuration: a file or a folder.")
    var configfile = "homeserver.yaml"

    @Option(name: [.short, .long], help: "The configuration of one worker.")
    var worker: String?

    @Option(name: [.short, .long], help: "A folder with the configurations of all workers.")
    var allProcesses: String?

    @Option(help: "One process of a worker with worker_replicas, with -w.")
    var replica: Int?

    @Flag(
        inversion: .prefixedNo,
        help: "Leave the terminal, or stay in the foreground (one process only).")
    var daemonize = true

    @Option(help: "Seconds that a process may take to start or to stop.")
    var timeout = 60

    @Option(help: "The beamline program; otherwise beside synctl, then in PATH.")
    var executable: String?

    /// What is wrong with the options, if anything is.
    private var misuse: String? {
        if worker != nil && allProcesses != nil { return "-w and -a cannot be used together" }
        if !daemonize && allProcesses != nil {
            return "--no-daemonize is for one process and cannot be used with -a"
        }
        if replica != nil && worker == nil { return "--replica goes with -w" }
        if !daemonize && action != .start { return "--no-daemonize goes with start" }
        if !(1...86400).contains(timeout) {
            return "--timeout is a number of seconds from 1 to 86400"
        }
        return nil
    }

    func run() throws {
        // Whoever reads the output may go away; what was begun is ended all the same.
        signal(SIGPIPE, SIG_IGN)
        let console = Console()
        if let misuse {
            console.show(FleetReport(.bad, misuse))
            throw ExitCode.failure
        }
        let processes: [ManagedProcess]
        do {
            processes = try FleetFiles(
                main: configfile, worker: worker, directory: allProcesses, replica: replica
            ).processes()
        } catch {
            console.show(FleetReport(.bad, "\(error)"))
            throw ExitCode.failure
        }
        var fleet = Fleet(
            executable: "", processes: processes, timeout: .seconds(timeout),
            report: { console.show($0) })
        if action == .start || action == .restart {
            guard let program = Executable.find(executable) else {
                console.show(FleetReport(.bad, Executable.hint(executable)))
                throw ExitCode.failure
            }
            fleet.executable = program
        }
        switch action {
        case .start:
            if !daemonize { try runInForeground(fleet, console) }
            guard fleet.start() else { throw ExitCode.failure }
        case .stop:
            guard fleet.stop() == .stopped else { throw ExitCode.failure }
        case .restart:
            guard fleet.restart() else { throw ExitCode.failure }
        case .status:
            guard fleet.status() else { throw ExitCode(3) }
        }
    }

    /// Becomes the process, so that Ctrl-C and a supervisor's signals reach it. Does not return.
    private func runInForeground(_ fleet: Fleet, _ console: Console) throws {
        guard let process = fleet.processes.first else { throw ExitCode.failure }
        guard fleet.processes.filter({ !$0.isSurplus }).count == 1 else {
            console.show(
                FleetReport(
                    .bad, "\(worker ?? configfile) has replicas: choose one of them with --replica")
            )
            throw ExitCode.failure
        }
        switch Fleet.health(of: process) {
        case .serving(let pid), .silent(let pid, _):
            console.show(FleetReport(.bad, "\(process.name) is already running (\(pid))"))
            throw ExitCode.failure
        case .down, .unknown: break
        }
        let arguments = [fleet.executable] + process.arguments + ["--no-daemonize"]
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        execv(fleet.executable, pointers)
        let reason = String(cString: strerror(errno))
        pointers.forEach { free($0) }
        console.show(FleetReport(.bad, "\(fleet.executable): cannot be started: \(reason)"))
        throw ExitCode.failure
    }
}

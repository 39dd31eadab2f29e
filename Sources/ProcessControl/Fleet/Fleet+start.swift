internal import Glibc

extension Fleet {
    private struct Launch {
        let process: ManagedProcess
        let child: ChildProcess
        let deadline: ContinuousClock.Instant
    }

    /// Starts what is not running. Returns whether everything was started and serves.
    ///
    /// What runs already is left alone and counts as a failure: nothing may run twice, and whoever
    /// asked should know that it was not this call that started it.
    public func start() -> Bool {
        let conflicts = FleetPlan.conflicts(processes)
        conflicts.forEach { report(FleetReport(.bad, $0)) }
        guard conflicts.isEmpty else { return false }
        var isComplete = true
        for group in FleetPlan(processes.filter { !$0.isSurplus }).startGroups {
            if group.first?.isMain == false, processes.contains(where: \.isMain),
                !isMainRunning
            {
                let names = group.map(\.name).joined(separator: ", ")
                report(
                    FleetReport(.bad, "\(names) not started, since the main process is not running")
                )
                return false
            }
            // Starting at once is only worth it for those that do not wait for each other.
            let launches = group.map(launch)
            for launch in launches {
                guard let launch else {
                    isComplete = false
                    continue
                }
                if !finish(launch) { isComplete = false }
            }
        }
        return isComplete
    }

    private var isMainRunning: Bool {
        processes.filter(\.isMain).allSatisfy { process in
            switch Fleet.health(of: process) {
            case .serving, .silent: true
            case .down, .unknown: false
            }
        }
    }

    private func launch(_ process: ManagedProcess) -> Launch? {
        switch Fleet.health(of: process) {
        case .serving(let pid), .silent(let pid, _):
            report(FleetReport(.bad, "\(process.name) is already running (\(pid))"))
            return nil
        case .unknown(let reason):
            report(FleetReport(.bad, "\(process.name): \(reason)"))
            return nil
        case .down: break
        }
        var command = Command(executable, process.arguments + ["--daemonize"])
        command.startsSession = true
        do throws(ProcessControlError) {
            return Launch(
                process: process, child: try ChildProcess(command),
                deadline: ContinuousClock.now + timeout)
        } catch {
            report(FleetReport(.bad, "\(process.name) cannot be started: \(error)"))
            return nil
        }
    }

    /// Waits for a process to report and then to listen.
    private func finish(_ launch: Launch) -> Bool {
        let process = launch.process
        let left = { ContinuousClock.now.duration(to: launch.deadline) }
        guard let status = launch.child.wait(within: max(left(), .zero)) else {
            // What waits is only the messenger; the process itself may be busy with its database.
            launch.child.signal(SIGKILL)
            _ = launch.child.wait()
            return fail(process, "is not ready after \(timeout.components.seconds) seconds")
        }
        guard status.isSuccess else { return fail(process, "failed to start (\(status))") }
        while true {
            switch Fleet.health(of: process) {
            case .serving(let pid):
                report(FleetReport(.good, "\(process.name) started (\(pid))"))
                return true
            case .silent(_, let places):
                if left() > .zero { break }
                let list = places.map(\.description).joined(separator: ", ")
                return fail(process, "is running, but not listening on \(list)")
            case .down:
                return fail(process, "ended right after its start")
            case .unknown(let reason): return fail(process, "is in an unknown state: \(reason)")
            }
            usleep(20_000)
        }
    }

    private func fail(_ process: ManagedProcess, _ text: String) -> Bool {
        report(FleetReport(.bad, "\(process.name) \(text)"))
        for file in process.logFiles {
            let lines = LogTail.lines(of: file)
            guard !lines.isEmpty else { continue }
            report(FleetReport(.detail, "The last lines of \(file):"))
            lines.forEach { report(FleetReport(.detail, "  \($0)")) }
        }
        report(
            FleetReport(
                .detail, "Run it in the foreground to see more: synctl start --no-daemonize"))
        return false
    }
}

internal import Glibc

/// What came of stopping a fleet.
public enum StopOutcome: Sendable, Hashable {
    /// Everything that was running has ended.
    case stopped
    /// Nothing was running.
    case nothingRunning
    /// Something could not be stopped.
    case failed
}

extension Fleet {
    /// A process that was asked to end.
    private struct Ending {
        let process: ManagedProcess
        let pid: Int32
        /// When it started, which tells it from a later process with its number.
        let start: Double?
    }

    /// Stops what is running: SIGTERM, and SIGKILL for what has not ended when the time is over.
    public func stop() -> StopOutcome {
        var stopped = 0
        var failed = 0
        for group in FleetPlan(processes).stopGroups {
            let deadline = ContinuousClock.now + timeout
            var ending: [Ending] = []
            for process in group {
                switch ask(process) {
                case .success(let pid?):
                    let start = ProcessTable.startSeconds(of: pid)
                    ending.append(Ending(process: process, pid: pid, start: start))
                case .success(nil): continue
                case .failure(let error):
                    report(FleetReport(.bad, "\(process.name) cannot be stopped: \(error)"))
                    failed += 1
                }
            }
            for one in ending {
                if waitForEnd(of: one, until: deadline) { stopped += 1 } else { failed += 1 }
            }
        }
        if failed > 0 { return .failed }
        guard stopped > 0 else {
            report(
                FleetReport(
                    .remark,
                    "Nothing was running. Is the server managed by something else, such "
                        + "as systemd?"))
            return .nothingRunning
        }
        return .stopped
    }

    /// Stops and starts. A fleet of which nothing was running is started all the same.
    public func restart() -> Bool {
        guard stop() != .failed else { return false }
        return start()
    }

    private func ask(_ process: ManagedProcess) -> Result<Int32?, ProcessControlError> {
        do throws(ProcessControlError) {
            switch try PidFile.status(of: process.pidFile) {
            case .running(let pid):
                try ProcessTable.signal(pid, SIGTERM)
                return .success(pid)
            case .stale:
                report(
                    FleetReport(
                        .remark,
                        "\(process.name) is not running, and left \(process.pidFile) behind"
                    ))
                return .success(nil)
            case .absent:
                report(FleetReport(.remark, "\(process.name) is not running"))
                return .success(nil)
            }
        } catch {
            // It may have ended between our look and our signal.
            return error.errorNumber == ESRCH ? .success(nil) : .failure(error)
        }
    }

    private func waitForEnd(of one: Ending, until deadline: ContinuousClock.Instant) -> Bool {
        let name = one.process.name
        let left = ContinuousClock.now.duration(to: deadline)
        if ProcessTable.waitForExit(of: one.pid, within: max(left, .zero)) {
            report(FleetReport(.good, "\(name) stopped"))
            return true
        }
        // Only the process that we asked: by now the number could be somebody else's.
        guard ProcessTable.startSeconds(of: one.pid) == one.start else { return true }
        let seconds = timeout.components.seconds
        report(
            FleetReport(.bad, "\(name) has not ended after \(seconds) seconds and is killed"))
        do throws(ProcessControlError) {
            try ProcessTable.signal(one.pid, SIGKILL)
        } catch {
            if error.errorNumber == ESRCH { return true }
            report(FleetReport(.bad, "\(name) cannot be killed: \(error)"))
            return false
        }
        if ProcessTable.waitForExit(of: one.pid, within: .seconds(10)) { return true }
        report(FleetReport(.bad, "\(name) cannot be killed"))
        return false
    }
}

/// Starts, stops and looks after the processes of one server.
///
/// Every call blocks until the processes have done what was asked, or the time is over. Lines for
/// people go to `report` as things happen.
public struct Fleet: Sendable {
    /// The program that every process runs.
    public var executable: String
    /// The processes in the order of their configuration.
    public var processes: [ManagedProcess]
    /// How long a process may take to start or to stop.
    public var timeout: Duration
    /// Takes lines for people.
    public var report: @Sendable (FleetReport) -> Void

    /// A fleet.
    public init(
        executable: String, processes: [ManagedProcess], timeout: Duration = .seconds(60),
        report: @escaping @Sendable (FleetReport) -> Void
    ) {
        self.executable = executable
        self.processes = processes
        self.timeout = timeout
        self.report = report
    }

    /// How a process is right now.
    public static func health(of process: ManagedProcess) -> ProcessHealth {
        do throws(ProcessControlError) {
            switch try PidFile.status(of: process.pidFile) {
            case .absent: return .down(isStale: false)
            case .stale: return .down(isStale: true)
            case .running(let pid):
                let silent = process.addresses.filter { !$0.isListening() }
                return silent.isEmpty ? .serving(pid: pid) : .silent(pid: pid, silent)
            }
        } catch {
            return .unknown(error.description)
        }
    }

    /// Reports every process. Returns whether all of them serve.
    public func status() -> Bool {
        var isComplete = true
        for process in processes {
            switch Fleet.health(of: process) {
            case .serving(let pid) where process.isSurplus,
                .silent(let pid, _) where process.isSurplus:
                report(
                    FleetReport(
                        .bad,
                        "\(process.name) is running (\(pid)), but its file has no such replica"))
            case .down where process.isSurplus: continue
            case .serving(let pid):
                let places = process.addresses.map(\.description).joined(separator: ", ")
                let suffix = places.isEmpty ? "" : ", listening on \(places)"
                report(FleetReport(.good, "\(process.name) is running (\(pid))\(suffix)"))
                continue
            case .silent(let pid, let places):
                let list = places.map(\.description).joined(separator: ", ")
                report(
                    FleetReport(
                        .bad, "\(process.name) is running (\(pid)), but not listening on \(list)"))
            case .down(let isStale):
                let suffix = isStale ? ", and left \(process.pidFile) behind" : ""
                report(FleetReport(.remark, "\(process.name) is not running\(suffix)"))
            case .unknown(let reason): report(FleetReport(.bad, "\(process.name): \(reason)"))
            }
            isComplete = false
        }
        return isComplete
    }
}

/// One process of a fleet, as far as starting and stopping it goes.
public struct ManagedProcess: Sendable, Hashable {
    /// How messages call it.
    public var name: String
    /// Whether it is the main process, which starts first and stops last.
    public var isMain: Bool
    /// The arguments that name its configuration.
    public var arguments: [String]
    /// Where it writes its number.
    public var pidFile: String
    /// Where its log is, for showing the end of it.
    public var logFiles: [String]
    /// Where it listens once it serves.
    public var addresses: [ListenProbe]
    /// What processes that may listen on one port have in common; nil for one that shares nothing.
    public var portGroup: String?
    /// Whether it runs although no configuration describes it any more: it is stopped, but not started.
    public var isSurplus = false

    /// A process that a configuration describes.
    public init(
        name: String, isMain: Bool, arguments: [String], pidFile: String, logFiles: [String] = [],
        addresses: [ListenProbe] = []
    ) {
        self.name = name
        self.isMain = isMain
        self.arguments = arguments
        self.pidFile = pidFile
        self.logFiles = logFiles
        self.addresses = addresses
    }
}

/// The order in which processes start and stop.
struct FleetPlan: Sendable, Hashable {
    /// Groups one after the other; the members of a group at the same time.
    var startGroups: [[ManagedProcess]]
    /// Groups one after the other; the members of a group at the same time.
    var stopGroups: [[ManagedProcess]]

    /// Workers need the main process, so it comes first and goes last.
    init(_ processes: [ManagedProcess]) {
        let main = processes.filter(\.isMain)
        let workers = processes.filter { !$0.isMain }
        startGroups = [main, workers].filter { !$0.isEmpty }
        stopGroups = [workers, main].filter { !$0.isEmpty }
    }

    /// Processes that would overwrite each other's pid file, or listen where another one does.
    static func conflicts(_ processes: [ManagedProcess]) -> [String] {
        let byFile = Dictionary(grouping: processes, by: \.pidFile)
        let files = byFile.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map {
            file, users in
            "\(users.map(\.name).joined(separator: " and ")) have the same pid file \(file)"
        }
        return files + placesTaken(processes.filter { !$0.isSurplus })
    }

    private static func placesTaken(_ processes: [ManagedProcess]) -> [String] {
        var conflicts: [String] = []
        var owners: [ListenProbe: ManagedProcess] = [:]
        for process in processes {
            for place in process.addresses {
                // A port that the system chooses is nobody's.
                if case .tcp(_, 0) = place { continue }
                guard let owner = owners[place] else {
                    owners[place] = process
                    continue
                }
                guard owner.portGroup == nil || owner.portGroup != process.portGroup else {
                    continue
                }
                conflicts.append("\(owner.name) and \(process.name) both listen on \(place)")
            }
        }
        return conflicts
    }
}

import Configuration
import Glibc
import ProcessControl

/// Turns configuration files into the processes that they describe.
struct FleetFiles {
    let main: String
    let worker: String?
    let directory: String?
    /// The only replica of `worker` that is meant.
    var replica: Int?

    /// A mistake to show; several lines if there are several.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    func processes() throws -> [ManagedProcess] {
        guard access(main, F_OK) == 0 else {
            throw Problem(
                description: """
                    \(main): there is no such configuration. Make one with:
                      beamline --generate-config --server-name example.org --report-stats=no \
                    -c \(main)
                    """)
        }
        if let worker {
            let processes = try managed([main, worker])
            guard processes.first?.isMain == false else {
                throw Problem(
                    description: "\(worker): worker_app: is missing or the main process's")
            }
            return processes
        }
        guard let directory else { return try managed([main]) }
        return try everything(in: directory)
    }

    private func everything(in directory: String) throws -> [ManagedProcess] {
        var problems: [String] = []
        var overlays: [String] = []
        var workers: [ManagedProcess] = []
        for file in try files(in: directory) {
            do {
                let processes = try managed([main, file])
                if processes.first?.isMain == true {
                    overlays.append(file)
                } else {
                    workers += processes
                }
            } catch {
                problems.append("\(error)")
            }
        }
        var processes: [ManagedProcess] = []
        do {
            processes += try managed([main] + overlays)
        } catch {
            problems.append("\(error)")
        }
        guard problems.isEmpty else {
            // The same mistake of the main file shows in the reading of every worker.
            var seen: Set<String> = []
            let lines = problems.joined(separator: "\n").split(separator: "\n").map(String.init)
            throw Problem(
                description: lines.filter { seen.insert($0).inserted }.joined(separator: "\n"))
        }
        return processes + workers
    }

    private func files(in directory: String) throws -> [String] {
        guard let stream = opendir(directory) else {
            throw Problem(
                description: "\(directory): cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".yaml") && !name.hasPrefix(".") { names.append(name) }
        }
        let prefix = directory.hasSuffix("/") ? directory : "\(directory)/"
        return names.sorted().map { prefix + $0 }
    }

    /// The processes that files describe: one, or each replica, and those that run although the file has
    /// become shorter.
    private func managed(_ files: [String]) throws -> [ManagedProcess] {
        let whole = try BeamlineConfiguration.load(paths: files)
        guard let count = whole.replicas.count else {
            if replica != nil {
                throw Problem(
                    description:
                        "\(files.last ?? main): worker_replicas: is missing, so there is no "
                        + "replica to choose")
            }
            return [try managed(files, whole, nil)]
                + surplus(files, whole, beyond: 0)
        }
        if let replica, !(1...count).contains(replica) {
            throw Problem(
                description: "\(files.last ?? main): worker_replicas: is \(count), so there is no "
                    + "replica \(replica)")
        }
        var processes: [ManagedProcess] = []
        for number in replica.map({ $0...$0 }) ?? 1...count {
            let configuration = try BeamlineConfiguration.load(
                paths: files, options: LoadOptions(replica: number))
            processes.append(try managed(files, configuration, number))
        }
        return replica == nil ? processes + surplus(files, whole, beyond: count) : processes
    }

    private func managed(
        _ files: [String], _ configuration: BeamlineConfiguration, _ number: Int?
    ) throws -> ManagedProcess {
        guard let pidFile = configuration.pidFile else {
            let key = configuration.isMain ? "pid_file" : "worker_pid_file"
            throw Problem(
                description: "\(files.last ?? main): \(key): is missing, expected a path, "
                    + "since synctl finds the process by it")
        }
        let name = name(of: files, configuration)
        let numbering = number.map { ["--replica", "\($0)"] } ?? []
        var process = ManagedProcess(
            name: number.map { ReplicasConfiguration.name(name, $0) } ?? name,
            isMain: configuration.isMain,
            arguments: files.flatMap { ["-c", $0] } + numbering,
            pidFile: pidFile, logFiles: configuration.logging.files(ofReplica: number),
            addresses: configuration.listeners.flatMap(\.addresses).map { address in
                switch address {
                case .tcp(let host, let port): .tcp(host: host, port: port)
                case .unix(let path, _): .unix(path: path)
                }
            })
        if configuration.listeners.contains(where: \.sharesPort) { process.portGroup = files.last }
        return process
    }

    /// Replicas that run although the file does not ask for so many, or for any, and the single process of a
    /// file that has got replicas since. They are found by their pid files.
    private func surplus(
        _ files: [String], _ whole: BeamlineConfiguration, beyond count: Int
    ) -> [ManagedProcess] {
        guard !whole.isMain, let pidFile = whole.pidFile else { return [] }
        let name = name(of: files, whole)
        var found: [(String, String)] = []
        if count > 0 { found.append((name, pidFile)) }
        // Nobody makes holes in the numbers: what lies behind two that are missing is not looked for.
        var number = count + 1
        var missing = 0
        while missing < 2, number <= ReplicasConfiguration.countMax {
            let path = ReplicasConfiguration.path(pidFile, number)
            if access(path, F_OK) == 0 {
                found.append((ReplicasConfiguration.name(name, number), path))
            } else {
                missing += 1
            }
            number += 1
        }
        return found.compactMap { name, path in
            guard case .running? = try? PidFile.status(of: path) else { return nil }
            var process = ManagedProcess(name: name, isMain: false, arguments: [], pidFile: path)
            process.isSurplus = true
            return process
        }
    }

    /// Several workers of one kind have the same `worker_app`, but never the same file.
    private func name(of files: [String], _ configuration: BeamlineConfiguration) -> String {
        guard !configuration.isMain, let file = files.last else { return "main" }
        let base = file.lastIndex(of: "/").map { file[file.index(after: $0)...] } ?? file[...]
        return base.hasSuffix(".yaml") ? String(base.dropLast(5)) : String(base)
    }
}

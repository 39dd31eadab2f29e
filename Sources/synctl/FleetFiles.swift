import Configuration
import Glibc
import ProcessControl

/// Turns configuration files into the processes that they describe.
struct FleetFiles {
    let main: String
    let worker: String?
    let directory: String?

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
            let process = try managed([main, worker])
            guard !process.isMain else {
                throw Problem(
                    description: "\(worker): worker_app: is missing or the main process's")
            }
            return [process]
        }
        guard let directory else { return [try managed([main])] }
        return try everything(in: directory)
    }

    private func everything(in directory: String) throws -> [ManagedProcess] {
        var problems: [String] = []
        var overlays: [String] = []
        var workers: [ManagedProcess] = []
        for file in try files(in: directory) {
            do {
                let process = try managed([main, file])
                if process.isMain { overlays.append(file) } else { workers.append(process) }
            } catch {
                problems.append("\(error)")
            }
        }
        var processes: [ManagedProcess] = []
        do {
            processes.append(try managed([main] + overlays))
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

    private func managed(_ files: [String]) throws -> ManagedProcess {
        let configuration = try BeamlineConfiguration.load(paths: files)
        guard let pidFile = configuration.pidFile else {
            let key = configuration.isMain ? "pid_file" : "worker_pid_file"
            throw Problem(
                description: "\(files.last ?? main): \(key): is missing, expected a path, "
                    + "since synctl finds the process by it")
        }
        return ManagedProcess(
            name: name(of: files, configuration), isMain: configuration.isMain,
            arguments: files.flatMap { ["-c", $0] },
            pidFile: pidFile, logFiles: configuration.logging.files,
            addresses: configuration.listeners.flatMap(\.addresses).map { address in
                switch address {
                case .tcp(let host, let port): .tcp(host: host, port: port)
                case .unix(let path, _): .unix(path: path)
                }
            })
    }

    /// Several workers of one kind have the same `worker_app`, but never the same file.
    private func name(of files: [String], _ configuration: BeamlineConfiguration) -> String {
        guard !configuration.isMain, let file = files.last else { return "main" }
        let base = file.lastIndex(of: "/").map { file[file.index(after: $0)...] } ?? file[...]
        return base.hasSuffix(".yaml") ? String(base.dropLast(5)) : String(base)
    }
}

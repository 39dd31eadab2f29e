internal import Configuration
internal import Glibc

/// `beamline routes`: a load balancer's configuration for a main process and its workers.
public enum Balancing {
    /// Whose configuration is written.
    public enum Format: String, Sendable, CaseIterable {
        /// For the http block of nginx.conf.
        case nginx
        /// A frontend and its backends.
        case haproxy
        /// A site of a Caddyfile.
        case caddy
        /// The facts, for other tools.
        case json
    }

    /// What the command line says.
    public struct Options: Sendable {
        /// Whose configuration is written.
        public var format: Format
        /// The main configuration's files.
        public var mainPaths: [String]
        /// The workers' files, and folders of them.
        public var workerPaths: [String]
        /// Where the balancer listens, as its own configuration writes it.
        public var listen = "8448"
        /// Where processes are reached that listen on all addresses.
        public var host = "127.0.0.1"
        /// Whether all requests of one user go to one worker, for the sake of its caches.
        public var isSticky = true

        /// A fleet of these files.
        public init(format: Format, mainPaths: [String], workerPaths: [String]) {
            self.format = format
            self.mainPaths = mainPaths
            self.workerPaths = workerPaths
        }
    }

    /// Prints the configuration, and returns the exit code.
    public static func run(_ options: Options) -> Int32 {
        do {
            let plan = try plan(options)
            print(text(of: plan, options), terminator: "")
            return 0
        } catch {
            let bytes = Array("\(error)\n".utf8)
            _ = write(STDERR_FILENO, bytes, bytes.count)
            return 1
        }
    }

    static func text(of plan: BalancerPlan, _ options: Options) -> String {
        switch options.format {
        case .nginx: NginxText(plan, options).text
        case .haproxy: HAProxyText(plan, options).text
        case .caddy: CaddyText(plan, options).text
        case .json: BalancerJSON(plan, options).text
        }
    }

    static func plan(_ options: Options) throws -> BalancerPlan {
        let read = LoadOptions(checksFiles: false)
        let main = try BeamlineConfiguration.load(paths: options.mainPaths, options: read)
        var workers: [(name: String, BeamlineConfiguration)] = []
        for path in try options.workerPaths.flatMap(files) {
            let paths = options.mainPaths + [path]
            let whole = try BeamlineConfiguration.load(paths: paths, options: read)
            let name = name(of: path)
            // A file of the folder may belong to the main process.
            if whole.isMain { continue }
            guard let count = whole.replicas.count else {
                workers.append((name, whole))
                continue
            }
            for number in 1...count {
                let replica = try BeamlineConfiguration.load(
                    paths: paths, options: LoadOptions(checksFiles: false, replica: number))
                workers.append((ReplicasConfiguration.name(name, number), replica))
            }
        }
        guard !workers.isEmpty else {
            throw BalancerPlanError(
                description: "No file is a worker's: name some, or their folder")
        }
        return try BalancerPlan(main: main, workers: workers, host: options.host)
    }

    /// The files of a folder by name; a file is itself.
    private static func files(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { return [path] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".yaml"), !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted().map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
    }

    private static func name(of path: String) -> String {
        let base = path.split(separator: "/").last ?? "worker"
        return String(base.hasSuffix(".yaml") ? base.dropLast(5) : base)
    }
}

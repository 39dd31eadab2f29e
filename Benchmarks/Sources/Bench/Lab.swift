import Foundation

/// Runs programs on the server's core and on the load's.
struct Lab {
    let options: Options
    private let scratch: String
    /// Where perf writes what a server does while it is measured.
    var recording: String?

    init(_ options: Options) throws {
        self.options = options
        scratch = "\(options.output)/\(options.suite.name)"
        Lab.raiseDescriptorLimit()
        for directory in [options.ours, options.peers]
        where !FileManager.default.fileExists(atPath: directory) {
            throw Problem("there is no \(directory)")
        }
        let cores = ProcessInfo.processInfo.processorCount
        guard max(options.serverCore, options.loadCore) < cores else {
            throw Problem(
                "this machine has \(cores) core(s); the server and the load need one each")
        }
    }

    /// How it is measured, for the report.
    var conditions: String {
        """
        Server on core \(options.serverCore), load on core \(options.loadCore); \(options.runs) runs of each \
        subject, taking turns, \(options.seconds) s each after a warm-up; medians with minimum and maximum.
        """
    }

    var warmUp: Double { min(1, options.seconds / 3) }

    func ours(_ name: String) -> String { "\(options.ours)/\(name)" }
    func peer(_ name: String) -> String { "\(options.peers)/\(name)" }

    /// Starts a subject's server on a free port, lets `body` measure it, ends it.
    func serving<Result>(
        _ subject: Subject, environment: [String] = [], _ body: (RunningServer) throws -> Result
    ) throws -> Result {
        let port = RunningServer.freePort()
        let command = pinned(
            ["env"] + environment + (try subject.command(self, port)), to: options.serverCore)
        let server = try RunningServer(command, port: port)
        defer { server.end() }
        try server.awaitListening()
        let recorder = try recording.map { try Recorder(of: server.pid, into: $0) }
        defer { recorder?.end() }
        return try body(server)
    }

    /// Runs a program to its end on the load's core and returns what it printed.
    func load(_ command: [String]) throws -> Data {
        try run(pinned(command, to: options.loadCore))
    }

    func run(_ command: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Problem(
                "\(command.joined(separator: " ")) failed (\(process.terminationStatus)): "
                    + String(decoding: data, as: UTF8.self))
        }
        return data
    }

    /// The process dies with this one, whatever happens.
    func pinned(_ command: [String], to core: Int) -> [String] {
        ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", "\(core)"] + command
    }

    // MARK: Files

    /// A folder of its own for what a subject leaves.
    func folder(_ name: String) throws -> String {
        let path = URL(filePath: "\(scratch)/\(name)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    func file(_ name: String, _ text: String) throws -> String {
        let path = "\(try folder("."))/\(name)"
        try Data(text.utf8).write(to: URL(filePath: path))
        return URL(filePath: path).standardizedFileURL.path
    }

    // MARK: Descriptors

    /// What stands against a process that has so many.
    func obstacle(to count: Int) -> String? {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard limit.rlim_max < count else { return nil }
        return "it takes \(count) descriptors, and the hard limit is \(limit.rlim_max) (ulimit -Hn)"
    }

    /// As many clients as a server may have, with what else it needs, up to so many.
    static func clientsMax(_ count: Int) -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return min(count, Int(clamping: limit.rlim_max) - 100)
    }

    /// As far as this user may; the programs inherit it.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        getrlimit(resource, &limit)
        let wanted: rlim_t = 210_000
        if limit.rlim_max < wanted {
            var raised = rlimit(rlim_cur: wanted, rlim_max: wanted)
            if setrlimit(resource, &raised) == 0 { return }
        }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }
}

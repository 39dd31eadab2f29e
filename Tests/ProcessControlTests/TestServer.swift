import Glibc
import TestSupport
import Testing

@testable import ProcessControl

/// The configuration of a small server in a folder of its own, run by the stand-in.
final class TestServer {
    struct Answer {
        var status: ChildStatus?
        var output: String
        var errors: String
    }

    let folder: Folder
    private let workers: [String]
    private static let programs: String = {
        let path = target(ofLink: "/proc/self/exe")
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }()

    static func target(ofLink path: String) -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        return String(
            decoding: buffer[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static let standIn = "\(programs)/StandIn"

    /// A main process with workers; every process logs into one file, which shows their order.
    /// `replicas` of each worker: with a number, their processes are `NAME-1`, `NAME-2`, …
    init(workers: [String] = [], replicas: Int? = nil) throws {
        folder = Folder()
        self.workers = workers
        folder.write(
            "homeserver.yaml",
            """
            server_name: example.org
            report_stats: false
            pid_file: \(folder.path)/main.pid
            log_file: \(folder.path)/log
            listeners: [{type: http, path: \(folder.path)/main.sock, resources: []}]
            database: {name: psycopg2}
            start_pushers: false

            """)
        for name in workers { write(name, replicas: replicas) }
    }

    /// Writes a worker's file, for so many replicas.
    func write(_ name: String, replicas: Int?) {
        folder.write(
            "workers/\(name).yaml",
            """
            worker_app: synapse.app.\(name == "pusher" ? "pusher" : "synchrotron")
            worker_name: \(name)
            worker_replication_host: 127.0.0.1
            worker_replication_port: 9092
            worker_listeners: [{type: http, path: \(folder.path)/\(name).sock, resources: []}]
            worker_daemonize: true
            worker_pid_file: \(folder.path)/\(name).pid
            worker_log_file: \(folder.path)/log
            \(replicas.map { "worker_replicas: \($0)\n" } ?? "")
            """)
    }

    deinit {
        for name in ["main"] + workers
            + workers.flatMap({ name in (1...9).map { "\(name)-\($0)" } })
        {
            guard let pid = pid(of: name) else { continue }
            kill(pid, SIGKILL)
            _ = ProcessTable.waitForExit(of: pid, within: .seconds(60))
        }
    }

    var main: String { "\(folder.path)/homeserver.yaml" }

    var everything: [String] { [main, "-a", "\(folder.path)/workers"] }

    /// The process that a pid file names, if it is running.
    func pid(of name: String) -> Int32? {
        guard case .running(let pid) = try? PidFile.status(of: "\(folder.path)/\(name).pid") else {
            return nil
        }
        return pid
    }

    func command(
        _ arguments: [String], standIn: String = "", executable: String? = TestServer.standIn
    ) -> Command {
        var command = Command("\(TestServer.programs)/synctl", arguments)
        command.environment = ["STANDIN": standIn, "PATH": "/nonexistent"]
        command.environment?["BEAMLINE_EXECUTABLE"] = executable
        command.workingDirectory = folder.path
        command.output = .file("\(folder.path)/out")
        command.error = .file("\(folder.path)/err")
        return command
    }

    /// Runs synctl to its end.
    func synctl(
        _ arguments: [String], standIn: String = "", executable: String? = TestServer.standIn
    ) throws -> Answer {
        unlink("\(folder.path)/out")
        unlink("\(folder.path)/err")
        let status = try ChildProcess(
            command(arguments, standIn: standIn, executable: executable)
        ).wait()
        return Answer(status: status, output: folder.text("out"), errors: folder.text("err"))
    }
}

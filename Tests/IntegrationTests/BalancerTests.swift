import Foundation
import ProcessControl
import Testing

@Suite("Load balancers with what `beamline routes` writes", .serialized)
struct BalancerTests {
    /// The files of a fleet, none of which runs, with its ports.
    private final class Files {
        let folder: String
        let ports: [UInt16]

        init(_ workers: [String]) throws {
            folder = "/tmp/beamline-routes-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            try FileManager.default.createDirectory(
                atPath: "\(folder)/workers", withIntermediateDirectories: true)
            ports = try freePorts(workers.count + 2)
            try write(
                "homeserver.yaml",
                """
                server_name: test.local
                report_stats: false
                listeners:
                  - {type: http, port: \(ports[1]), resources: [{names: [client]}]}
                database: {name: psycopg2}
                """)
            for (index, name) in workers.enumerated() {
                try write(
                    "workers/\(name).yaml",
                    """
                    worker_app: synapse.app.synchrotron
                    worker_name: \(name)
                    worker_replication_host: 127.0.0.1
                    worker_replication_port: 9092
                    worker_listeners:
                      - {type: http, port: \(ports[index + 2]), resources: [{names: [client]}]}
                    \(name == "initial" ? "worker_initial_syncs: true" : "")
                    """)
            }
            try write(
                "workers/pusher.yaml",
                """
                worker_app: synapse.app.pusher
                worker_replication_host: 127.0.0.1
                worker_replication_port: 9092
                start_pushers: false
                """)
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }

        func routes(_ format: String, _ options: [String] = []) throws -> Program.Outcome {
            try Program.run(
                Program.built("beamline"),
                [
                    "routes", "--format", format, "-c", "\(folder)/homeserver.yaml",
                    "\(folder)/workers", "--listen", "127.0.0.1:\(ports[0])",
                ] + options)
        }
    }

    @Test(
        "real ones send users to their workers, and the rest to the main process",
        arguments: Proxy.allCases, [false, true])
    func real(proxy: Proxy, hasInitial: Bool) throws {
        guard let program = proxy.program else { return withKnownMissing(proxy) }
        let names = ["sync1", "sync2"] + (hasInitial ? ["initial"] : [])
        let files = try Files(names)
        let routes = try files.routes(proxy.rawValue)
        #expect(routes.code == 0, "\(routes.output)")
        let command = try proxy.command(program, routes.output, in: files.folder)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "Clients/routes.py").path
        let servers = zip(["main"] + names, files.ports.dropFirst()).map { "\($0)=\($1)" }
        let outcome = try Program.run(
            "/usr/bin/python3", [script, "\(files.ports[0])"] + servers + ["--"] + command)
        #expect(outcome.code == 0, "\(outcome.output)\n\(routes.output)")
        #expect(outcome.output.contains("held: a worker that is gone is stood in for"))
    }

    private func withKnownMissing(_ proxy: Proxy) {
        // `make test` takes both out of their packages.
        withKnownIssue("\(proxy.rawValue) is not installed", isIntermittent: true) {
            Issue.record("\(proxy.rawValue) is not installed")
        }
    }

    @Test("mistakes are explained")
    func mistakes() throws {
        let files = try Files(["initial"])
        let alone = try files.routes("nginx")
        #expect(alone.code == 1)
        #expect(
            alone.output.contains("Every synchrotron has worker_initial_syncs: true"),
            "\(alone.output)")
        #expect(try files.routes("apache").code == 64)
        #expect(try files.routes("nginx", ["--host", "a;b"]).code == 64)
        try FileManager.default.removeItem(atPath: "\(files.folder)/workers/initial.yaml")
        try files.write(
            "workers/none.yaml",
            """
            worker_app: synapse.app.synchrotron
            worker_replication_host: 127.0.0.1
            worker_replication_port: 9092
            """)
        let none = try files.routes("json")
        #expect(none.code == 1)
        #expect(
            none.output.contains("none.yaml: no listener of type http has the resource client"),
            "\(none.output)")
    }
}

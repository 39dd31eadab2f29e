import Foundation

/// A homeserver over its own database. Stopped by SIGSTOP while another one is measured, so that what it does when
/// nobody asks falls on nobody.
final class Homeserver {
    let name: String
    let database: String
    private let command: (Int) throws -> [String]
    private var running: RunningServer?

    init(_ name: String, database: String, _ command: @escaping (Int) throws -> [String]) {
        self.name = name
        self.database = database
        self.command = command
    }

    var server: RunningServer {
        get throws {
            guard let running else { throw Problem("\(name) does not run") }
            return running
        }
    }

    func start(_ lab: Lab) throws {
        let port = RunningServer.freePort()
        let server = try RunningServer(
            lab.pinned(try command(port), to: lab.options.serverCore), port: port)
        running = server
        try server.awaitListening(seconds: 90)
    }

    func end() {
        running?.end()
        running = nil
    }

    func pause() { running.map { _ = kill($0.pid, SIGSTOP) } }
    func goOn() { running.map { _ = kill($0.pid, SIGCONT) } }

    /// Megabytes that are in memory.
    func memory() throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(server.pid)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }
        return (kilobytes ?? 0) / 1024
    }
}

extension Homeserver {
    /// What both are told: everything that costs and that the other has not is off, and there are no limits.
    static func shared(_ folder: String, _ port: Int) -> String {
        let limit = "{per_second: 1000000, burst_count: 1000000}"
        return """
            server_name: bench.local
            report_stats: false
            pid_file: \(folder)/pid
            signing_key_path: \(folder)/signing.key
            log_config: \(folder)/log.yaml
            media_store_path: \(folder)/media
            registration_shared_secret: secret
            macaroon_secret_key: secret
            form_secret: secret
            suppress_key_server_warning: true
            trusted_key_servers: []
            presence: {enabled: false}
            stats: {enabled: false}
            user_directory: {enabled: false}
            rc_message: \(limit)
            rc_joins: {local: \(limit), remote: \(limit)}
            rc_joins_per_room: \(limit)
            rc_room_creation: \(limit)
            rc_registration: \(limit)
            rc_login: {address: \(limit), account: \(limit), failed_attempts: \(limit)}
            listeners:
              - port: \(port)
                bind_addresses: ['127.0.0.1']
                type: http
                tls: false
                resources: [{names: [client]}]

            """
    }

    private static func configuration(
        _ lab: Lab, _ name: String, _ database: BenchDatabase, _ port: Int
    ) throws -> String {
        let folder = try lab.folder(name)
        _ = try lab.file(
            "\(name)/signing.key", "ed25519 a_bench zJ3tUvWGJVqDqYDhFKvMmJ3vPPZG0nxvSWCE0r0YeTs\n")
        _ = try lab.file(
            "\(name)/log.yaml",
            """
            version: 1
            handlers: {file: {class: logging.FileHandler, filename: '\(folder)/log'}}
            root: {level: WARNING, handlers: [file]}
            disable_existing_loggers: false

            """)
        return try lab.file(
            "\(name)/homeserver.yaml",
            shared(folder, port) + """
                database:
                  name: psycopg2
                  args:
                    host: '\(database.folder)'
                    port: \(database.port)
                    user: postgres
                    database: \(name)
                    cp_min: 5
                    cp_max: 10

                """)
    }

    static func ours(_ lab: Lab, _ database: BenchDatabase) -> Homeserver {
        Homeserver("ours", database: "ours") { port in
            let file = try configuration(lab, "ours", database, port)
            return [lab.options.homeserver, "-c", file, "--no-daemonize"]
        }
    }

    static func synapse(_ lab: Lab, _ database: BenchDatabase) -> Homeserver {
        Homeserver("Synapse", database: "synapse") { port in
            let file = try configuration(lab, "synapse", database, port)
            return [lab.options.python, "-m", "synapse.app.homeserver", "-c", file]
        }
    }
}

import Foundation

/// Our main process over a PostgreSQL with so many events, of which a worker has none. Made with the first
/// measurement, and again in each run of the benchmark.
final class MissedRows {
    private let lab: Lab
    private let database: BenchDatabase
    private let folder: String

    init(_ lab: Lab, rows: Int) throws {
        self.lab = lab
        folder = try lab.folder("missed")
        database = try BenchDatabase(lab)
        if try database.has("missed") {
            try database.query("DROP DATABASE missed WITH (FORCE)", in: "postgres")
        }
        try database.create("missed")
        try serving { _, _ in }
        // The events themselves are not read, only announced.
        try database.query(
            """
            INSERT INTO events (topological_ordering, event_id, type, room_id, processed, outlier, depth, sender, \
            stream_ordering)
            SELECT n, '$' || lpad(n::text, 43, '0'), 'm.room.message', '!BeamlineBenchmarkRoom:example.org', true, \
            false, n, '@user:example.org', n FROM generate_series(1, \(rows)) n;
            SELECT setval('events_stream_seq', \(rows));
            """, in: "missed")
        try database.query("VACUUM ANALYZE events", in: "missed")
        try database.query("CHECKPOINT", in: "postgres")
    }

    deinit { database.end() }

    /// CPU time of the server with all its processes, in nanoseconds.
    func databaseCPU() throws -> Double { try database.cpu() }

    /// Runs the main process while `body` works with it and its replication port.
    func serving<Result>(
        backend: String = "auto", _ body: (RunningServer, Int) throws -> Result
    ) throws -> Result {
        let (http, replication) = (RunningServer.freePort(), RunningServer.freePort())
        let file = try configuration(http, replication)
        let server = try RunningServer(
            lab.pinned(
                [
                    "env", "BEAMLINE_BACKEND=\(backend)", lab.options.homeserver, "-c", file,
                    "--no-daemonize",
                ], to: lab.options.serverCore), port: http)
        defer { server.end() }
        try server.awaitListening(seconds: 90)
        return try body(server, replication)
    }

    private func configuration(_ http: Int, _ replication: Int) throws -> String {
        _ = try lab.file(
            "missed/signing.key", "ed25519 a_bench zJ3tUvWGJVqDqYDhFKvMmJ3vPPZG0nxvSWCE0r0YeTs\n")
        return try lab.file(
            "missed/homeserver.yaml",
            """
            server_name: example.org
            report_stats: false
            signing_key_path: \(folder)/signing.key
            log_file: \(folder)/log
            listeners:
              - {port: \(http), bind_address: 127.0.0.1, type: http, resources: [{names: [client]}]}
              - {port: \(replication), bind_address: 127.0.0.1, type: replication}
            database:
              name: psycopg2
              args: {host: '\(database.folder)', port: \(database.port), user: postgres, database: missed}

            """)
    }
}

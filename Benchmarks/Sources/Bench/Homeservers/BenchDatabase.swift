import Foundation

/// A PostgreSQL of the benchmark's own with a database for each homeserver, whose rows `populate.sql` makes. It stays
/// for the next run, since making a million events takes minutes.
final class BenchDatabase {
    let folder: String
    private let lab: Lab
    private let process = Process()
    private let account: [String]

    /// libpq's host and port; the socket is in the folder, and there is no TCP.
    let port = 5432

    init(_ lab: Lab) throws {
        self.lab = lab
        folder = try lab.folder("postgres")
        // PostgreSQL does not run as root.
        account =
            geteuid() == 0
            ? ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] : []
        if !account.isEmpty { _ = try lab.run(["chown", "postgres:postgres", folder]) }
        let programs = try Self.programs()
        let data = "\(folder)/data"
        if !FileManager.default.fileExists(atPath: "\(data)/PG_VERSION") {
            _ = try lab.run(
                account + [
                    "\(programs)/initdb", "-D", data, "--locale=C", "--encoding=UTF8",
                    "--auth=trust", "--username=postgres",
                ])
        }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            (account.isEmpty ? ["setpriv"] : account) + [
                "--pdeathsig", "INT", "\(programs)/postgres", "-D", data,
            ] + Self.settings(folder).flatMap { ["-c", "\($0.key)=\($0.value)"] }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: try lab.file("postgres.log", ""))
        try process.run()
        try awaitReady()
    }

    /// The defaults but for a cache as large as a server of this size would get; commits wait for the disk. What
    /// would fall on one subject or the other at random, checkpoints and vacuuming, is left for after the run.
    private static func settings(_ folder: String) -> [String: String] {
        [
            "listen_addresses": "", "unix_socket_directories": folder, "shared_buffers": "1GB",
            "max_wal_size": "16GB", "checkpoint_timeout": "1h", "autovacuum": "off",
            "max_connections": "100", "shared_preload_libraries": "pg_stat_statements",
        ]
    }

    private static func programs() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        guard let newest = versions.compactMap({ Int($0) }).max() else {
            throw Problem("there is no PostgreSQL server in \(root)")
        }
        return "\(root)/\(newest)/bin"
    }

    private func awaitReady() throws {
        let limit = Date(timeIntervalSinceNow: 60)
        while Date() < limit, process.isRunning {
            // The socket is there before the server answers, but psql need not complain for as long.
            let socket = "\(folder)/.s.PGSQL.\(port)"
            if FileManager.default.fileExists(atPath: socket),
                (try? query("SELECT 1", in: "postgres")) == "1"
            {
                return
            }
            usleep(200_000)
        }
        throw Problem(
            "PostgreSQL does not start: see \(lab.options.output)/\(lab.options.suite.name)/postgres.log"
        )
    }

    /// Runs statements and returns what they print, columns divided by `|`.
    @discardableResult
    func query(_ sql: String, in database: String, file: String? = nil) throws -> String {
        var command = [
            "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", "\(port)",
            "-U", "postgres", "-d", database, "-c", sql,
        ]
        if let file { command += ["-f", file] }
        return String(decoding: try lab.run(command), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func has(_ database: String) throws -> Bool {
        try query("SELECT 1 FROM pg_database WHERE datname = '\(database)'", in: "postgres") == "1"
    }

    func create(_ database: String) throws {
        try query(
            "CREATE DATABASE \(database) TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
            in: "postgres")
        try query("CREATE EXTENSION pg_stat_statements", in: database)
    }

    /// Roles by which what one process asks can be told from what another asks.
    func createRoles(_ names: [String]) throws {
        for name in names {
            let known = try query(
                "SELECT 1 FROM pg_roles WHERE rolname = '\(name)'", in: "postgres")
            if known.isEmpty { try query("CREATE ROLE \(name) SUPERUSER LOGIN", in: "postgres") }
        }
    }

    var pid: Int32 { process.processIdentifier }

    /// CPU time of the server with all its processes, in nanoseconds.
    func cpu() throws -> Double { try CPUTime(of: process.processIdentifier).nanoseconds }

    func end() {
        guard process.isRunning else { return }
        // The quick way to stop, with a checkpoint.
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
    }
}

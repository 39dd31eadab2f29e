import Foundation

/// The homeservers beside each other on one PostgreSQL, both over the same rooms. Made with the first measurement.
final class Homeservers {
    /// A room of the databases with some of those who are in it, by number.
    struct Room {
        let id: String
        let members: [String]
    }

    static let names = ["ours", "Synapse"]

    private let lab: Lab
    private let database: BenchDatabase
    private let servers: [Homeserver]
    private var rooms: [Int: [Room]] = [:]
    /// How many joins each server has had.
    private var joins: [String: Int] = [:]

    init(_ lab: Lab) throws {
        self.lab = lab
        database = try BenchDatabase(lab)
        servers = [.ours(lab, database), .synapse(lab, database)]
        for server in servers { try prepare(server) }
        try database.query("CHECKPOINT", in: "postgres")
        for server in servers {
            try server.start(lab)
            // What it does after a start shall be over.
            sleep(5)
            server.pause()
        }
    }

    deinit {
        for server in servers { server.end() }
        database.end()
    }

    /// Lets the server make its tables, and fills them. A database of an earlier run is used again.
    private func prepare(_ server: Homeserver) throws {
        let finished = "\(server.database)_\(lab.options.events)"
        let marker = "\(try lab.folder("postgres"))/../\(finished)"
        if try database.has(server.database) {
            if FileManager.default.fileExists(atPath: marker) { return }
            try database.query("DROP DATABASE \(server.database) WITH (FORCE)", in: "postgres")
        }
        note("making \(lab.options.events) events for \(server.name)")
        try database.create(server.database)
        try server.start(lab)
        sleep(3)
        server.end()
        // Synapse's own followers of this stream would walk all of it during the measurement.
        let deltas = server.database == "synapse" ? "off" : "on"
        try database.query(
            """
            SET populate.events = \(lab.options.events); SET populate.server = 'bench.local';
            SET populate.deltas = '\(deltas)'
            """, in: server.database, file: lab.options.populate)
        try database.query("VACUUM ANALYZE", in: server.database)
        try Data().write(to: URL(filePath: marker))
    }

    private func note(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// Rooms with so many members, the fewest first, and up to sixteen members of each.
    func rooms(of size: Int, atMost count: Int) throws -> [Room] {
        if let known = rooms[size] { return Array(known.prefix(count)) }
        let text = try database.query(
            """
            SELECT room_id, string_agg(split_part(substr(state_key, 6), ':', 1), ',')
            FROM (
                SELECT room_id, state_key, row_number() OVER (PARTITION BY room_id ORDER BY event_id) AS n
                FROM current_state_events WHERE type = 'm.room.member' AND membership = 'join'
                AND room_id IN (
                    SELECT room_id FROM current_state_events
                    WHERE type = 'm.room.member' AND membership = 'join' GROUP BY room_id
                    HAVING count(*) BETWEEN \(size) AND \(size + size / 2) ORDER BY count(*), room_id LIMIT 16)
            ) x WHERE n <= 16 GROUP BY room_id
            """, in: servers[0].database)
        let found = text.split(separator: "\n").map { line -> Room in
            let parts = line.split(separator: "|")
            return Room(
                id: String(parts[0]), members: parts[1].split(separator: ",").map(String.init))
        }
        guard !found.isEmpty else { throw Problem("no room has \(size) members") }
        rooms[size] = found
        return Array(found.prefix(count))
    }

    /// Pairs of a user and a room of about 200 that the user is not in, other ones each time.
    func strangers(_ count: Int, for name: String) throws -> [(user: Int, room: String)] {
        let room = try rooms(of: 200, atMost: 16)
        let done = joins[name, default: 0]
        joins[name] = done + count
        let members = Set(
            try database.query(
                """
                SELECT split_part(substr(state_key, 6), ':', 1) FROM current_state_events
                WHERE room_id = '\(room[0].id)' AND type = 'm.room.member'
                """, in: try server(name).database
            ).split(separator: "\n").map(String.init))
        let users = (1...).lazy.filter { !members.contains("\($0)") }.prefix(count)
        return users.map { ($0, room[0].id) }
    }

    func server(_ name: String) throws -> Homeserver {
        guard let server = servers.first(where: { $0.name == name }) else {
            throw Problem("there is no homeserver \(name)")
        }
        return server
    }

    /// Sends requests over so many connections, again and again for some seconds, or once each, and returns what
    /// one of them costs.
    func measure(
        _ name: String, _ requests: [String], connections: Int, once: Bool = false
    ) throws -> [Measurement] {
        let server = try server(name)
        server.goOn()
        defer { server.pause() }
        let file = try lab.file("requests", requests.joined(separator: "\n") + "\n")
        let command = [
            lab.peer("RequestLoad"), "\(try server.server.port)", "\(connections)", file,
        ]
        if !once { _ = try lab.load(command + ["\(max(0.5, lab.warmUp))"]) }
        let pid = try server.server.pid
        let before = (
            try CPUTime(of: pid).nanoseconds, try database.cpu(), try counts(server.database)
        )
        let output = try lab.load(command + ["\(once ? 0 : lab.options.seconds)"])
        let after = (
            try CPUTime(of: pid).nanoseconds, try database.cpu(), try counts(server.database)
        )
        let result = try JSONDecoder().decode(Load.self, from: output)
        let count = Double(result.requests)
        return [
            Measurement("process", (after.0 - before.0) / count / 1e6, "ms CPU"),
            Measurement("database", (after.1 - before.1) / count / 1e6, "ms CPU"),
            Measurement("rate", count / result.seconds, "op/s"),
            Measurement("median", result.median, "ms"),
            Measurement("p99", result.p99, "ms"),
            Measurement("statements", (after.2 - before.2) / count, "per op"),
            Measurement("memory", try server.memory(), "MiB"),
        ]
    }

    /// What RequestLoad prints.
    private struct Load: Decodable {
        let requests: Int
        let seconds: Double
        let median: Double
        let p99: Double
    }

    /// How many statements a database has run.
    private func counts(_ database: String) throws -> Double {
        let text = try self.database.query(
            """
            SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = '\(database)')
            """, in: database)
        return Double(text) ?? 0
    }
}

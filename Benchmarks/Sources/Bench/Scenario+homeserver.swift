import Foundation

extension Scenario {
    /// The sizes of rooms that are sent to.
    static let roomSizes = [2, 50, 200, 1_000, 10_000]

    static var homeserver: [Scenario] {
        let shared = Shared()
        let toRooms = roomSizes.map { size in
            beside(
                "send-\(size)", "Sending to rooms of \(size.formatted()) members", shared
            ) { servers, name in
                try servers.measure(
                    name, sends(to: servers.rooms(of: size, atMost: 16)), connections: 16)
            }
        }
        let one = beside("send-alone", "One sender, a room of 50", shared) { servers, name in
            let room = try servers.rooms(of: 50, atMost: 1)
            return try servers.measure(name, Array(sends(to: room).prefix(1)), connections: 1)
        }
        let crowd = beside("send-crowd", "64 senders at once in one room of 50", shared) {
            try $0.measure($1, sends(to: $0.rooms(of: 50, atMost: 1)), connections: 64)
        }
        let joins = beside("join", "Joining a public room of 200", shared) { servers, name in
            let requests = try servers.strangers(100, for: name).map { user, room in
                "POST /_matrix/client/v3/join/\(escaped(room)) token\(user) {}"
            }
            return try servers.measure(name, requests, connections: 8, once: true)
        }
        let creation = beside("create", "Making a room", shared) { servers, name in
            let requests = (2...17).map { user in
                "POST /_matrix/client/v3/createRoom token\(user) "
                    + "{\"preset\":\"public_chat\",\"name\":\"A room\"}"
            }
            return try servers.measure(name, requests, connections: 8)
        }
        let pages = beside("messages", "The last 50 /messages of rooms of 50", shared) {
            try $0.measure(
                $1, reads("messages?dir=b&limit=50", of: $0.rooms(of: 50, atMost: 16)),
                connections: 8)
        }
        let members = beside("members", "/members of rooms of 1,000", shared) {
            try $0.measure(
                $1, reads("members", of: $0.rooms(of: 1_000, atMost: 4)), connections: 4)
        }
        // Synapse is busy for a while after sends to the largest room, so they come last.
        return toRooms.dropLast() + [one, crowd, joins, creation, pages, members]
            + toRooms.suffix(1)
    }

    private static func beside(
        _ name: String, _ title: String, _ shared: Shared,
        _ measure: @escaping (Homeservers, String) throws -> [Measurement]
    ) -> Scenario {
        Scenario(
            name: name, title: title,
            subjects: Homeservers.names.map { Subject($0) { _, _ in [] } },
            columns: ["process", "database", "rate", "median", "p99", "statements", "memory"]
        ) { lab, subject in
            try measure(shared.servers(lab), subject.name)
        }
    }

    /// The servers start once for all scenarios.
    private final class Shared {
        private var made: Homeservers?

        func servers(_ lab: Lab) throws -> Homeservers {
            if let made { return made }
            let servers = try Homeservers(lab)
            made = servers
            return servers
        }
    }

    /// A message by each of the members, room after room.
    private static func sends(to rooms: [Homeservers.Room]) -> [String] {
        (0..<16).flatMap { turn in
            rooms.compactMap { room -> String? in
                guard turn < room.members.count else { return nil }
                return "PUT /_matrix/client/v3/rooms/\(escaped(room.id))/send/m.room.message/{n} "
                    + "token\(room.members[turn]) "
                    + "{\"msgtype\":\"m.text\",\"body\":\"A message of the usual length, as people write them.\"}"
            }
        }
    }

    private static func reads(_ what: String, of rooms: [Homeservers.Room]) -> [String] {
        rooms.compactMap { room in
            room.members.first.map {
                "GET /_matrix/client/v3/rooms/\(escaped(room.id))/\(what) token\($0) "
            }
        }
    }

    private static func escaped(_ roomID: String) -> String {
        roomID.replacingOccurrences(of: "!", with: "%21").replacingOccurrences(of: ":", with: "%3A")
    }
}

extension Goal {
    static var homeserver: [Goal] {
        let sends = Scenario.roomSizes.map { "send-\($0)" } + ["send-alone", "send-crowd"]
        let ratios = sends.flatMap { scenario in
            [("process", 1.0 / 20), ("database", 1.0 / 3)].map { metric, ratio in
                Goal(
                    scenario: scenario, metric: metric, subject: "ours",
                    bound: .times(ratio, "Synapse"))
            }
        }
        // What a room of 1,000 costs more than one of 2 must be within what repeated runs differ by.
        let flat = ["process", "database"].map {
            Goal(
                scenario: "send-1000", metric: $0, subject: "ours", bound: .timesIn(1.2, "send-2"))
        }
        return ratios + flat
    }
}

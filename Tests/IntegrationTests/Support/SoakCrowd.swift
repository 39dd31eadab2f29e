import JSON
import Reactor
import Testing

@testable import Workers

/// People who write and people who read while processes die. Lives on a loop.
final class SoakCrowd {
    private let main: SocketAddress
    private let synchrotrons: [SocketAddress]
    private(set) var writers: [SoakWriter] = []
    private(set) var readers: [SoakReader] = []
    private(set) var rooms: [String] = []
    /// The writers end after their present message.
    var isOver = false

    init(main: UInt16, synchrotrons: [UInt16]) {
        self.main = .loopback(port: main)
        self.synchrotrons = synchrotrons.map { .loopback(port: $0) }
    }

    /// How many messages the main process has answered with an event id.
    var acknowledged: Int { writers.reduce(0) { $0 + $1.acknowledged.count } }

    /// Everybody is in every room; readers are spread over the synchrotrons.
    func enter(writers: Int, readers: Int, rooms: Int, on loop: isolated EventLoop) async throws {
        let api = DemoConnection(to: main)
        func register(_ name: String) async throws -> String {
            let answer = try await api.json(
                "POST", "/_matrix/client/v3/register",
                body: [
                    "username": .string(name), "password": "secret",
                    "auth": ["type": "m.login.dummy"],
                ], on: loop)
            return try #require(answer["access_token"]?.stringValue)
        }
        func joinAll(_ token: String) async throws {
            for room in self.rooms {
                _ = try await api.json(
                    "POST", "/_matrix/client/v3/join/\(room)", token: token, body: [:], on: loop)
            }
        }
        for index in 0..<writers {
            let token = try await register("writer\(index)")
            try await joinAll(token)
            if index < rooms {
                let created = try await api.json(
                    "POST", "/_matrix/client/v3/createRoom", token: token,
                    body: [
                        "preset": "public_chat",
                        "power_level_content_override": ["state_default": 0],
                    ], on: loop)
                self.rooms.append(try #require(created["room_id"]?.stringValue))
            }
            self.writers.append(SoakWriter(index, token, DemoConnection(to: main)))
        }
        // The first writers were there before the last rooms.
        for writer in self.writers.prefix(rooms) { try await joinAll(writer.token) }
        for index in 0..<readers {
            let token = try await register("reader\(index)")
            try await joinAll(token)
            let reader = SoakReader(
                token, synchrotrons.indices.map { synchrotrons[(index + $0) % synchrotrons.count] },
                history: DemoConnection(to: main))
            try await reader.begin(on: loop)
            self.readers.append(reader)
        }
    }

    func start(on loop: isolated EventLoop) -> [Task<Void, Never>] {
        for reader in readers { loop.spawn { await reader.read(on: loop) } }
        return writers.map { writer in loop.spawn { await writer.write(in: self, on: loop) } }
    }
}

/// Sends message after message, each with the same transaction until it is acknowledged.
final class SoakWriter {
    let token: String
    private let index: Int
    private let connection: DemoConnection
    /// Event ids by the messages' numbers.
    private(set) var acknowledged: [Int64: String] = [:]

    init(_ index: Int, _ token: String, _ connection: DemoConnection) {
        self.index = index
        self.token = token
        self.connection = connection
    }

    func write(in crowd: SoakCrowd, on loop: isolated EventLoop) async {
        var count = 0
        while !crowd.isOver {
            count += 1
            let number = Int64(index) * 1_000_000 + Int64(count)
            let room = crowd.rooms[(index + count) % crowd.rooms.count]
            let base = "/_matrix/client/v3/rooms/\(room)"
            // State events too; each has a key of its own, so that one sent again is seen to be the same.
            let path =
                count % 10 == 0
                ? "\(base)/state/org.example.soak/n\(number)"
                : "\(base)/send/m.room.message/t\(number)"
            let content: JSON = [
                "msgtype": "m.text", "body": "\(number)", "number": .integer(number),
            ]
            await send(number, path, content, on: loop)
            // As people write; what gathers during a restart stays small.
            await loop.sleep(for: .milliseconds(15))
        }
    }

    private func send(
        _ number: Int64, _ path: String, _ content: JSON, on loop: isolated EventLoop
    ) async {
        while !loop.isStopped {
            let answer = try? await connection.request(
                "PUT", path, token: token, body: content, on: loop)
            if let answer, answer.status == 200,
                let eventID = (try? JSON(parsing: answer.body))?["event_id"]?.stringValue
            {
                acknowledged[number] = eventID
                return
            }
            await loop.sleep(for: .milliseconds(50))
        }
    }
}

/// Follows /sync on one synchrotron after the other, and fills gaps from /messages, as a client does.
final class SoakReader {
    private let token: String
    private let connections: [DemoConnection]
    private let history: DemoConnection
    private var nextBatch = ""
    private var current = 0
    /// The ids of numbered events, in the order in which they came, by room.
    private(set) var seen: [String: [String]] = [:]
    private var known: Set<String> = []
    private(set) var count = 0
    /// Ids that came again.
    private(set) var doubled: [String] = []
    private(set) var interruptions = 0
    private(set) var gaps = 0

    init(_ token: String, _ addresses: [SocketAddress], history: DemoConnection) {
        self.token = token
        connections = addresses.map { DemoConnection(to: $0) }
        self.history = history
    }

    func begin(on loop: isolated EventLoop) async throws {
        let answer = try await connections[0].json(
            "GET", "/_matrix/client/v3/sync", token: token, on: loop)
        nextBatch = try #require(answer["next_batch"]?.stringValue)
    }

    func read(on loop: isolated EventLoop) async {
        var polls = 0
        while !loop.isStopped {
            polls += 1
            // Now and then to another one, although nothing is wrong.
            if polls % 50 == 0 { current += 1 }
            do {
                let answer = try await connections[current % connections.count].json(
                    "GET", "/_matrix/client/v3/sync?timeout=10000&since=\(nextBatch)",
                    token: token, on: loop)
                try await take(answer, on: loop)
            } catch {
                interruptions += 1
                current += 1
                await loop.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Takes a whole answer or nothing of it, since the request is made again if this throws.
    private func take(_ answer: JSON, on loop: isolated EventLoop) async throws {
        guard let next = answer["next_batch"]?.stringValue else {
            throw DemoConnection.Failure(description: "no next_batch")
        }
        var news: [(room: String, ids: [String])] = []
        for (room, section) in answer["rooms"]?["join"]?.objectValue ?? [:] {
            let timeline = section["timeline"]
            var ids = SoakReader.numbered(timeline?["events"])
            if timeline?["limited"]?.boolValue == true,
                let from = timeline?["prev_batch"]?.stringValue
            {
                gaps += 1
                ids = try await missed(in: room, before: from, on: loop) + ids
            }
            news.append((room, ids))
        }
        nextBatch = next
        for (room, ids) in news {
            for id in ids where !known.insert(id).inserted { doubled.append(id) }
            seen[room, default: []] += ids
            count += ids.count
        }
    }

    /// What lies between what is known of a room and a position, oldest first.
    private func missed(
        in room: String, before position: String, on loop: isolated EventLoop
    ) async throws -> [String] {
        var from = position
        var newestFirst: [String] = []
        while true {
            let page = try await history.json(
                "GET", "/_matrix/client/v3/rooms/\(room)/messages?dir=b&limit=100&from=\(from)",
                token: token, on: loop)
            let ids = SoakReader.numbered(page["chunk"])
            let fresh = ids.prefix { !known.contains($0) }
            newestFirst += fresh
            guard fresh.count == ids.count, let end = page["end"]?.stringValue else {
                return newestFirst.reversed()
            }
            from = end
        }
    }

    private static func numbered(_ events: JSON?) -> [String] {
        (events?.arrayValue ?? []).compactMap { event in
            event["content"]?["number"] == nil ? nil : event["event_id"]?.stringValue
        }
    }
}

import JSON
import Reactor
import Testing

@testable import Services

/// A client that remembers what it was told and builds rooms from it, as real ones do.
final class ModelClient {
    enum Manner: CaseIterable {
        /// Waits for every answer at one engine.
        case waiting
        /// Asks now and then.
        case asking
        /// Goes from engine to engine, waiting or not.
        case wandering
    }

    struct Room {
        /// Everything told, in order.
        var shown: [String] = []
        var state: [String: String] = [:]
        var isJoined = false
        var wasLimited = false
        var typing: Set<String> = []
        var receipts: [String: String] = [:]
        var tags: JSON?
        /// What was last told to be unread, inside and outside of threads.
        var unread: [String: JSON] = [:]
    }

    let name: String
    let device: String
    let manner: Manner
    let filter: JSON
    let limit: Int
    var feed: SyncFeed
    var since: String?
    var firstPosition: Int64 = 0
    var rooms: [String: Room] = [:]
    var accountData: [String: JSON] = [:]
    var responder: TestResponder?
    let wantsThreads: Bool

    init(
        name: String, device: String, manner: Manner, limit: Int, wantsThreads: Bool,
        feed: SyncFeed
    ) {
        self.wantsThreads = wantsThreads
        self.name = name
        self.device = device
        self.manner = manner
        self.limit = limit
        self.feed = feed
        filter = [
            "room": [
                "timeline": [
                    "limit": .integer(Int64(limit)),
                    "unread_thread_notifications": .bool(wantsThreads),
                ]
            ]
        ]
    }

    var userID: String { "@\(name):test" }

    /// Asks `feed` without waiting, and takes the answer in.
    func ask(_ feed: SyncFeed, on loop: isolated EventLoop) async throws {
        let answer = try await feed.sync(
            name, since: since, filter: filter, device: device, on: loop)
        try take(answer)
    }

    /// Waits at its engine.
    func park(on loop: isolated EventLoop) async throws {
        guard let since else { return try await ask(feed, on: loop) }
        let responder = try await feed.park(
            name, since: since, filter: filter, device: device, on: loop)
        if responder.result == nil {
            self.responder = responder
        } else {
            try take(try await responder.json(on: loop))
        }
    }

    func take(_ answer: JSON) throws {
        if since == nil { firstPosition = StreamToken(answer.nextBatch)?.room ?? 0 }
        since = answer.nextBatch
        for (type, content) in Self.contents(answer, "account_data") { accountData[type] = content }
        for (roomID, section) in answer["rooms"]?["join"]?.objectValue ?? [:] {
            takeJoined(roomID, section)
        }
        for (roomID, _) in answer["rooms"]?["invite"]?.objectValue ?? [:] {
            // Somebody who left and was invited again since is told of the invitation alone.
            guard rooms[roomID]?.isJoined == true else { continue }
            rooms[roomID]?.isJoined = false
            rooms[roomID]?.wasLimited = true
        }
        for (roomID, section) in answer["rooms"]?["leave"]?.objectValue ?? [:] {
            var room = rooms[roomID] ?? Room()
            room.shown += section.timelineIDs
            room.wasLimited = room.wasLimited || section.isLimited == true
            room.isJoined = false
            rooms[roomID] = room
        }
    }

    private func takeJoined(_ roomID: String, _ section: JSON) {
        var room = rooms[roomID] ?? Room()
        if !room.isJoined {
            room.state = [:]
            room.typing = []
            room.isJoined = true
        }
        room.wasLimited = room.wasLimited || section.isLimited == true
        for event in section.events("state") + section.events("timeline") {
            guard let id = event["event_id"]?.stringValue else { continue }
            if let key = event["state_key"]?.stringValue, let type = event["type"]?.stringValue {
                room.state["\(type) \(key)"] = id
            }
        }
        room.shown += section.timelineIDs
        room.unread =
            section["unread_thread_notifications"]?.objectValue
            .map { Dictionary($0.map { ($0.key, $0.value) }) { $1 } } ?? [:]
        room.unread["main"] = section["unread_notifications"]
        for (type, content) in Self.contents(section, "ephemeral") {
            if type == "m.typing" {
                let users = content["user_ids"]?.arrayValue ?? []
                room.typing = Set(users.compactMap(\.stringValue))
            } else {
                takeReceipts(content, into: &room)
            }
        }
        for (type, content) in Self.contents(section, "account_data") where type == "m.tag" {
            room.tags = content["tags"]
        }
        rooms[roomID] = room
    }

    private func takeReceipts(_ content: JSON, into room: inout Room) {
        for (eventID, types) in content.objectValue ?? [:] {
            for (type, users) in types.objectValue ?? [:] {
                for (userID, data) in users.objectValue ?? [:]
                where data["thread_id"] == nil {
                    room.receipts["\(type) \(userID)"] = eventID
                }
            }
        }
    }

    private static func contents(_ json: JSON, _ part: String) -> [(String, JSON)] {
        json.events(part).compactMap { event in
            guard let type = event["type"]?.stringValue, let content = event["content"] else {
                return nil
            }
            return (type, content)
        }
    }
}

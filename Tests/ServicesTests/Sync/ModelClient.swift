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

    /// What a client asks for, and what can be expected of it.
    struct Taste {
        var filter: JSON
        var stateKind = SyncStateKind.before
        /// Whether every event of a timeline is told unless there is a gap.
        var isComplete = true
        /// Whether typing and receipts are told.
        var showsEphemera = true
        /// Whether no event is kept out of timelines.
        var hidesNothing: Bool {
            let timeline = filter["room"]?["timeline"]
            return timeline?["types"] == nil && timeline?["not_senders"] == nil
        }
        /// Whether members are told when somebody speaks.
        var isLazy = false

        static func timeline(_ limit: Int64, _ state: JSON.Object = [:]) -> JSON {
            ["room": ["timeline": ["limit": .integer(limit)], "state": .object(state)]]
        }

        /// All tastes, for somebody who may dislike a room.
        static func all(_ room: String) -> [Taste] {
            [
                Taste(
                    filter: [
                        "room": ["timeline": ["limit": 100, "unread_thread_notifications": true]]
                    ]),
                Taste(filter: timeline(100, ["lazy_load_members": true]), isLazy: true),
                Taste(
                    filter: timeline(
                        3, ["lazy_load_members": true, "include_redundant_members": true]),
                    isComplete: false, isLazy: true),
                Taste(filter: timeline(3), isComplete: false),
                Taste(filter: timeline(100), stateKind: .after),
                Taste(
                    filter: timeline(3, ["lazy_load_members": true]), stateKind: .after,
                    isComplete: false, isLazy: true),
                Taste(
                    filter: [
                        "room": [
                            "timeline": [
                                "types": ["m.room.mess*"], "limit": 50,
                                "unread_thread_notifications": true,
                            ],
                            "ephemeral": ["not_types": ["m.typing"]],
                            "account_data": ["not_types": ["org.data0"]],
                        ]
                    ], isComplete: false, showsEphemera: false),
                Taste(
                    filter: [
                        "event_fields": ["type", "state_key", "content", "event_id", "sender"],
                        "presence": ["senders": []],
                        "room": [
                            "timeline": ["not_senders": ["@b:test"], "limit": 100],
                            "state": ["lazy_load_members": true],
                        ],
                    ], stateKind: .after, isComplete: false, isLazy: true),
                Taste(
                    filter: [
                        "event_format": "federation",
                        "room": [
                            "not_rooms": [.string(room)], "include_leave": true,
                            "timeline": ["limit": 5],
                        ],
                    ], isComplete: false),
            ]
        }
    }

    struct Room {
        /// Everything told, in order.
        var shown: [String] = []
        var state: [String: String] = [:]
        var isJoined = false
        var wasLimited = false
        var typing: Set<String> = []
        var receipts: [String: String] = [:]
        var accountData: [String: JSON] = [:]
        /// What was last told to be unread, inside and outside of threads.
        var unread: [String: JSON] = [:]
    }

    let name: String
    let device: String
    let manner: Manner
    let taste: Taste
    var filter: JSON { taste.filter }
    var feed: SyncFeed
    var since: String?
    var firstPosition: Int64 = 0
    var rooms: [String: Room] = [:]
    var accountData: [String: JSON] = [:]
    var responder: TestResponder?
    var wantsThreads: Bool {
        filter["room"]?["timeline"]?["unread_thread_notifications"] == true
    }

    /// What the process knew that the device had been told of members, when it was asked.
    var told: ToldMembers?
    /// The numbers of the messages to the device.
    var messages: [Int64] = []
    /// Senders of shown events whose membership was never told.
    var strangers: [String] = []

    init(name: String, device: String, manner: Manner, taste: Taste, feed: SyncFeed) {
        self.name = name
        self.device = device
        self.manner = manner
        self.taste = taste
        self.feed = feed
    }

    var userID: String { "@\(name):test" }

    /// Asks `feed` without waiting, and takes the answer in.
    func ask(_ feed: SyncFeed, on loop: isolated EventLoop) async throws {
        let answer = try await feed.sync(
            name, since: since, filter: filter, device: device, stateKind: taste.stateKind,
            on: loop)
        try take(answer)
    }

    /// Waits at its engine.
    func park(on loop: isolated EventLoop) async throws {
        guard let since else { return try await ask(feed, on: loop) }
        let responder = try await feed.park(
            name, since: since, filter: filter, device: device, stateKind: taste.stateKind,
            on: loop)
        told = feed.engine.users[userID]?.told[device]?.copied()
        if responder.result == nil {
            self.responder = responder
        } else {
            try take(try await responder.json(on: loop))
        }
    }

    func take(_ answer: JSON) throws {
        if since == nil { firstPosition = StreamToken(answer.nextBatch)?.room ?? 0 }
        since = answer.nextBatch
        for event in answer.events("to_device") {
            if let number = event["content"]?["number"]?.intValue { messages.append(number) }
        }
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
        var told = section.events(taste.stateKind.rawValue)
        if taste.stateKind == .before { told += section.events("timeline") }
        for event in told {
            guard let id = event["event_id"]?.stringValue else { continue }
            if let key = event["state_key"]?.stringValue, let type = event["type"]?.stringValue {
                room.state["\(type) \(key)"] = id
            }
        }
        for event in section.events("timeline") {
            let sender = event["sender"]?.stringValue ?? ""
            if room.state["m.room.member \(sender)"] == nil {
                strangers.append("\(sender) in \(roomID)")
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
        for (type, content) in Self.contents(section, "account_data") {
            let isEmpty = type == "m.tag" && content["tags"]?.objectValue?.isEmpty == true
            room.accountData[type] = isEmpty ? nil : content
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

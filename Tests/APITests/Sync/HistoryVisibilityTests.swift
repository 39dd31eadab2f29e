import JSON
import Reactor
import Testing

@testable import API

/// A room with four times in it: before anybody came, while some were invited, while they were in, and after one left.
private struct VisibilityRoom {
    enum Person: String, CaseIterable, Sendable {
        /// Invited, then joined.
        case member
        /// Joined without having been invited.
        case joiner
        /// Invited, joined, then left.
        case leaver
        /// Invited only.
        case invitee
        /// Had nothing to do with the room.
        case stranger
    }

    let id: String
    /// A message of each time. Each is the root of a thread with an answer of the same time.
    var events: [String] = []
    /// An answer to the third message, of the fourth time.
    var late = ""
    var tokens: [Person: String] = [:]

    /// The times that a person may read, from 0 on.
    static func readable(_ visibility: String, _ person: Person) -> Set<Int> {
        switch (visibility, person) {
        case ("world_readable", _), ("shared", .member), ("shared", .joiner): [0, 1, 2, 3]
        case ("shared", .leaver): [0, 1, 2]
        case ("invited", .member): [1, 2, 3]
        case ("invited", .leaver): [1, 2]
        case ("invited", .joiner), ("joined", .member), ("joined", .joiner): [2, 3]
        case ("joined", .leaver): [2]
        default: []
        }
    }

    /// Whether a person may ask for the room at all.
    static func mayAsk(_ visibility: String, _ person: Person) -> Bool {
        visibility == "world_readable" || ![.invitee, .stranger].contains(person)
    }

    static func make(
        _ visibility: String, _ client: Client, on loop: isolated EventLoop
    ) async throws -> VisibilityRoom {
        let owner = try await client.register("owner", on: loop)
        let id = try await client.createRoom(
            token: owner,
            [
                "preset": "public_chat",
                "initial_state": [
                    [
                        "type": "m.room.history_visibility", "state_key": "",
                        "content": ["history_visibility": .string(visibility)],
                    ]
                ],
            ], on: loop)
        var room = VisibilityRoom(id: id)
        for person in Person.allCases {
            room.tokens[person] = try await client.register(person.rawValue, on: loop)
        }
        func act(_ action: String, _ person: Person) async throws {
            let answer = try await client.post(
                "rooms/\(id)/\(action)", token: try #require(room.tokens[person]), on: loop)
            #expect(answer.status == 200, "\(answer.body)")
        }
        try await room.speak(client, owner, on: loop)
        for person in [Person.member, .leaver, .invitee] {
            let answer = try await client.post(
                "rooms/\(id)/invite", token: owner,
                ["user_id": .string("@\(person.rawValue):test")], on: loop)
            #expect(answer.status == 200, "\(answer.body)")
        }
        try await room.speak(client, owner, on: loop)
        for person in [Person.member, .leaver, .joiner] { try await act("join", person) }
        try await room.speak(client, owner, on: loop)
        try await act("leave", .leaver)
        try await room.speak(client, owner, on: loop)
        room.late = try await room.answer(2, client, owner, on: loop)
        return room
    }

    /// A message with an answer, and a piece of state that counts the times.
    private mutating func speak(
        _ client: Client, _ token: String, on loop: isolated EventLoop
    ) async throws {
        try await client.set(
            "test.time", ["time": .integer(Int64(events.count))], in: id, token: token, on: loop)
        events.append(
            try await client.say("\(events.count)", to: id, token: token, on: loop))
        _ = try await answer(events.count - 1, client, token, on: loop)
    }

    private func answer(
        _ time: Int, _ client: Client, _ token: String, on loop: isolated EventLoop
    ) async throws -> String {
        try await client.say(
            "answer", relating: ["rel_type": "m.thread", "event_id": .string(events[time])],
            to: id, token: token, on: loop)
    }

    /// The times whose messages are among some events.
    func times(_ ids: [String]) -> Set<Int> {
        Set(events.indices.filter { ids.contains(events[$0]) })
    }
}

/// Specification: client-server API, "Room History Visibility".
@Suite struct HistoryVisibilityTests {
    private let v3 = "/_matrix/client/v3"

    @Test(
        "who may read what, by every endpoint that reads",
        arguments: ["world_readable", "shared", "invited", "joined"])
    func everyEndpoint(visibility: String) throws {
        try withSync { client, _, _, loop in
            let room = try await VisibilityRoom.make(visibility, client, on: loop)
            for person in VisibilityRoom.Person.allCases {
                let token = try #require(room.tokens[person])
                let readable = VisibilityRoom.readable(visibility, person)
                let mayAsk = VisibilityRoom.mayAsk(visibility, person)
                let who = "\(person) in a room that is \(visibility)"
                try await checkSingle(room, client, token, readable, who, on: loop)
                try await checkPages(room, client, token, readable, mayAsk, who, on: loop)
                try await checkState(room, client, token, person, mayAsk, who, on: loop)
                try await checkSync(
                    room, client, token, person, readable, visibility, who, on: loop)
            }
        }
    }

    /// Endpoints that name one event.
    private func checkSingle(
        _ room: VisibilityRoom, _ client: Client, _ token: String, _ readable: Set<Int>,
        _ who: String, on loop: isolated EventLoop
    ) async throws {
        for (time, event) in room.events.enumerated() {
            let expected = readable.contains(time)
            for path in ["rooms/\(room.id)/event/\(event)", "events/\(event)"] {
                let answer = try await client.request(
                    "GET", "\(v3)/\(path)", token: token, on: loop)
                #expect((answer.status == 200) == expected, "\(who): \(path) of time \(time)")
                let latest = answer.body["unsigned"]?["m.relations"]?["m.thread"]?["latest_event"]
                let isLate = latest?["event_id"]?.stringValue == room.late
                #expect(!isLate || readable.contains(3), "\(who): \(path) tells a later answer")
            }
            let context = try await client.get(
                "context/\(event)?limit=100", of: room.id, token: token, on: loop)
            #expect((context.status == 200) == expected, "\(who): context of time \(time)")
            if expected {
                let around = room.times(context.ids("events_before") + context.ids("events_after"))
                #expect(around == readable.subtracting([time]), "\(who): context of time \(time)")
            }
            for path in ["relations/\(event)", "relations/\(event)/m.thread"] {
                let relations = try await client.get(
                    path, of: room.id, version: "v1", token: token, on: loop)
                #expect((relations.status == 200) == expected, "\(who): \(path) of time \(time)")
                #expect(relations.ids().isEmpty != expected, "\(who): \(path) of time \(time)")
                let tellsLate = relations.ids().contains(room.late)
                #expect(tellsLate == (expected && time == 2 && readable.contains(3)), "\(who)")
            }
        }
    }

    /// Endpoints that page through the room.
    private func checkPages(
        _ room: VisibilityRoom, _ client: Client, _ token: String, _ readable: Set<Int>,
        _ mayAsk: Bool, _ who: String, on loop: isolated EventLoop
    ) async throws {
        for direction in ["b", "f"] {
            let page = try await client.get(
                "messages?dir=\(direction)&limit=100", of: room.id, token: token, on: loop)
            #expect(page.status == (mayAsk ? 200 : 403), "\(who): messages")
            #expect(room.times(page.ids()) == readable, "\(who): messages \(direction)")
        }
        let threads = try await client.get(
            "threads", of: room.id, version: "v1", token: token, on: loop)
        #expect(threads.status == (mayAsk ? 200 : 403), "\(who): threads")
        #expect(room.times(threads.ids()) == readable, "\(who): threads")
        // Jumping to a time names an event that the person may read, or none.
        for query in ["ts=0&dir=f", "ts=99999999999999&dir=b"] {
            let found = try await client.get(
                "timestamp_to_event?\(query)", of: room.id, version: "v1", token: token, on: loop)
            if !mayAsk { #expect(found.status == 403, "\(who): timestamp_to_event") }
            guard let event = found.body["event_id"]?.stringValue else { continue }
            let seen = try await client.get("event/\(event)", of: room.id, token: token, on: loop)
            #expect(seen.status == 200, "\(who): timestamp_to_event?\(query) names what is hidden")
        }
    }

    /// Endpoints that tell the room's state: to members as it is, to those who left as it was then.
    private func checkState(
        _ room: VisibilityRoom, _ client: Client, _ token: String,
        _ person: VisibilityRoom.Person, _ mayAsk: Bool, _ who: String,
        on loop: isolated EventLoop
    ) async throws {
        let time: Int64 = person == .leaver ? 2 : 3
        let all = try await client.get("state", of: room.id, token: token, on: loop)
        #expect(all.status == (mayAsk ? 200 : 403), "\(who): state")
        if mayAsk {
            let marker = all.body.arrayValue?.first { $0["type"] == "test.time" }
            #expect(marker?["content"]?["time"]?.intValue == time, "\(who): state")
        }
        for path in ["state/test.time", "state/test.time/"] {
            let one = try await client.get(path, of: room.id, token: token, on: loop)
            #expect(one.status == (mayAsk ? 200 : 403), "\(who): \(path)")
            if mayAsk { #expect(one.body["time"]?.intValue == time, "\(who): \(path)") }
        }
        let members = try await client.get("members", of: room.id, token: token, on: loop)
        #expect(members.status == (mayAsk ? 200 : 403), "\(who): members")
        let joined = try await client.get("joined_members", of: room.id, token: token, on: loop)
        let isIn = [.member, .joiner].contains(person)
        #expect(joined.status == (isIn ? 200 : 403), "\(who): joined_members")
    }

    /// /sync and what there was before it.
    private func checkSync(
        _ room: VisibilityRoom, _ client: Client, _ token: String,
        _ person: VisibilityRoom.Person, _ readable: Set<Int>, _ visibility: String,
        _ who: String, on loop: isolated EventLoop
    ) async throws {
        func ids(_ events: JSON?) -> [String] {
            events?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? []
        }
        let filter =
            "%7B%22room%22:%7B%22include_leave%22:true,%22timeline%22:%7B%22limit%22:100%7D%7D%7D"
        let sync = try await client.request(
            "GET", "\(v3)/sync?filter=\(filter)", token: token, on: loop)
        let rooms = sync.body["rooms"]
        let told = [rooms?["join"]?[room.id], rooms?["leave"]?[room.id]].flatMap {
            ids($0?["timeline"]?["events"])
        }
        // It tells members of the room, and those who left what was until then.
        let isOutside = [.invitee, .stranger].contains(person)
        let known = isOutside ? [] : person == .leaver ? readable.subtracting([3]) : readable
        #expect(room.times(told) == known, "\(who): sync")
        let stripped = rooms?["invite"]?[room.id]?["invite_state"]?["events"]?.arrayValue ?? []
        #expect(stripped.isEmpty == (person != .invitee), "\(who): sync")
        #expect(!stripped.contains { $0["type"] == "test.time" }, "\(who): sync")

        let initial = try await client.request(
            "GET", "\(v3)/initialSync?archived=true&limit=100", token: token, on: loop)
        let all = initial.body["rooms"]?.arrayValue?.flatMap { ids($0["messages"]?["chunk"]) }
        #expect(room.times(all ?? []) == known, "\(who): initialSync")
        let one = try await client.get("initialSync?limit=100", of: room.id, token: token, on: loop)
        #expect(
            room.times(ids(one.body["messages"]?["chunk"])) == (isOutside ? readable : known),
            "\(who): the room's initialSync")
        let events = try await client.request(
            "GET", "\(v3)/events?from=s0&timeout=0&limit=500&room_id=\(room.id)", token: token,
            on: loop)
        #expect(
            room.times(events.ids()).isSubset(of: readable), "\(who): events")
        #expect((events.status == 200) == VisibilityRoom.mayAsk(visibility, person), "\(who)")
    }
}

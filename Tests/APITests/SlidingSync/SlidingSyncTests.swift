import JSON
import Reactor
import Testing

@testable import API
@testable import Services

@Suite struct SlidingSyncTests {
    /// A client of sliding sync that keeps its position.
    private final class Session {
        let client: Client
        let token: String
        let engine: SyncEngine
        var position: String?

        init(_ client: Client, _ token: String, _ engine: SyncEngine) {
            self.client = client
            self.token = token
            self.engine = engine
        }

        func ask(
            _ body: JSON, timeout: Int = 0, on loop: isolated EventLoop
        ) async throws -> JSON {
            // What happened has arrived.
            while engine.isDelivering { await loop.sleep(for: .milliseconds(1)) }
            var path = "\(SlidingSyncRoutes.path)?timeout=\(timeout)"
            if let position { path += "&pos=\(position)" }
            let answer = try await client.request("POST", path, token: token, body, on: loop)
            #expect(answer.status == 200, "\(answer.body)")
            position = answer.body["pos"]?.stringValue
            return answer.body
        }

        /// Asks when it is certain that there is something to tell, which may take a moment to arrive.
        func askNews(_ body: JSON, on loop: isolated EventLoop) async throws -> JSON {
            try await ask(body, timeout: 30_000, on: loop)
        }

        func refusal(_ body: JSON, on loop: isolated EventLoop) async throws -> String? {
            let path = SlidingSyncRoutes.path + (position.map { "?pos=\($0)" } ?? "")
            let answer = try await client.request("POST", path, token: token, body, on: loop)
            #expect(answer.status == 400)
            return answer.code
        }
    }

    private static func list(
        _ range: ClosedRange<Int64> = 0...9, state: [[String]] = [], limit: Int64 = 10,
        filters: JSON = [:], extensions: JSON = [:]
    ) -> JSON {
        let pairs = state.map { pair in JSON.array(pair.map { .string($0) }) }
        return [
            "lists": [
                "all": [
                    "ranges": [[.integer(range.lowerBound), .integer(range.upperBound)]],
                    "required_state": .array(pairs), "timeline_limit": .integer(limit),
                    "filters": filters,
                ]
            ], "extensions": extensions,
        ]
    }

    private static func say(
        _ text: String, in roomID: String, by token: String, _ client: Client,
        on loop: isolated EventLoop
    ) async throws {
        let answer = try await client.request(
            "PUT", "/_matrix/client/v3/rooms/\(roomID)/send/m.room.message/\(text)", token: token,
            ["msgtype": "m.text", "body": .string(text)], on: loop)
        #expect(answer.status == 200)
    }

    private static func bodies(_ room: JSON?) -> [String] {
        (room?["timeline"]?.arrayValue ?? []).compactMap { $0["content"]?["body"]?.stringValue }
    }

    private static func ids(_ answer: JSON, _ list: String = "all") -> [String] {
        answer["lists"]?[list]?["ops"]?[0]?["room_ids"]?.arrayValue?.compactMap(\.stringValue)
            ?? []
    }

    @Test func aNewConnectionShowsTheFirstRooms() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            var rooms: [String] = []
            for name in ["one", "two", "three"] {
                rooms.append(
                    try await a.createRoom(token: token, ["name": .string(name)], on: loop))
            }
            try await Self.say("hello", in: rooms[0], by: token, a, on: loop)
            let session = Session(b, token, engine)
            let answer = try await session.ask(
                Self.list(
                    0...1, state: [["m.room.name", ""], ["m.room.member", "$ME"]], limit: 1),
                on: loop)
            // The newest message is in the first room made.
            #expect(Self.ids(answer) == [rooms[0], rooms[2]])
            #expect(answer["lists"]?["all"]?["count"] == 3)
            #expect(answer["rooms"]?.objectValue?.count == 2)
            let room = answer["rooms"]?[rooms[0]]
            #expect(room?["initial"] == true)
            #expect(room?["name"] == "one")
            #expect(room?["joined_count"] == 1)
            #expect(room?["limited"] == true)
            #expect(room?["num_live"] == 0)
            #expect(room?["is_dm"] == false)
            #expect(room?["prev_batch"]?.stringValue?.isEmpty == false)
            #expect(Self.bodies(room) == ["hello"])
            let state = room?["required_state"]?.arrayValue?.compactMap { $0["type"]?.stringValue }
            #expect(state.map { Set($0) } == ["m.room.name", "m.room.member"])
            #expect(answer["extensions"] == [:])
        }
    }

    @Test func whatHappensIsToldToWhoWaits() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            let roomID = try await a.createRoom(token: token, on: loop)
            let session = Session(b, token, engine)
            _ = try await session.ask(Self.list(limit: 2), on: loop)
            loop.spawn {
                while engine.metrics.parked == 0 { await loop.sleep(for: .milliseconds(1)) }
                try? await Self.say("news", in: roomID, by: token, a, on: loop)
            }
            let answer = try await session.ask(Self.list(limit: 2), timeout: 30_000, on: loop)
            let room = answer["rooms"]?[roomID]
            #expect(Self.bodies(room) == ["news"])
            #expect(room?["initial"] == nil)
            #expect(room?["num_live"] == 1)
            #expect(room?["limited"] == false)
            #expect(room?["timeline"]?[0]?["unsigned"]?["transaction_id"] == "news")
            // Nothing new: the answer comes when the time is up.
            let nothing = try await session.ask(Self.list(limit: 2), timeout: 20, on: loop)
            #expect(nothing["rooms"] == [:])
            #expect(nothing["lists"]?["all"]?["count"] == 1)
        }
    }

    @Test func anAnswerThatWasLostIsGivenAgain() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            let roomID = try await a.createRoom(token: token, on: loop)
            let session = Session(b, token, engine)
            _ = try await session.ask(Self.list(), on: loop)
            let position = session.position
            try await Self.say("x", in: roomID, by: token, a, on: loop)
            for _ in 0..<2 {
                session.position = position
                let answer = try await session.askNews(Self.list(), on: loop)
                #expect(Self.bodies(answer["rooms"]?[roomID]) == ["x"])
            }
            let last = session.position
            let after = try await session.ask(Self.list(), on: loop)
            #expect(after["rooms"] == [:])
            // What came before what the client has is gone, and made-up positions never were.
            for wrong in [position, "1_0", "x", "1_2_3", "", last.map { $0 + "0" }] {
                guard let wrong, !wrong.isEmpty else { continue }
                session.position = wrong
                #expect(try await session.refusal(Self.list(), on: loop) == "M_UNKNOWN_POS")
            }
        }
    }

    @Test func roomsComeIntoTheWindowAndGoOutOfIt() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            let first = try await a.createRoom(token: token, on: loop)
            let second = try await a.createRoom(token: token, on: loop)
            let session = Session(b, token, engine)
            let start = try await session.ask(Self.list(0...0, limit: 5), on: loop)
            #expect(Self.ids(start) == [second])
            try await Self.say("1", in: first, by: token, a, on: loop)
            let next = try await session.askNews(Self.list(0...0, limit: 5), on: loop)
            #expect(Self.ids(next) == [first])
            #expect(next["rooms"]?[first]?["initial"] == true)
            try await Self.say("2", in: second, by: token, a, on: loop)
            try await Self.say("3", in: first, by: token, a, on: loop)
            // The second room is out of sight: what happens there is told when it is back.
            let third = try await session.askNews(Self.list(0...0, limit: 5), on: loop)
            #expect(third["rooms"]?.objectValue?.keys.map { $0 } == [first])
            let wide = try await session.ask(Self.list(0...1, limit: 5), on: loop)
            #expect(Self.bodies(wide["rooms"]?[second]) == ["2"])
            #expect(wide["rooms"]?[second]?["initial"] == nil)
        }
    }

    @Test func moreEventsAndStateAreToldWhenAskedFor() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            let roomID = try await a.createRoom(token: token, on: loop)
            for text in ["1", "2", "3"] {
                try await Self.say(text, in: roomID, by: token, a, on: loop)
            }
            let session = Session(b, token, engine)
            let start = try await session.ask(Self.list(limit: 1), on: loop)
            #expect(Self.bodies(start["rooms"]?[roomID]) == ["3"])
            let more = try await session.ask(Self.list(limit: 3), on: loop)
            #expect(Self.bodies(more["rooms"]?[roomID]) == ["1", "2", "3"])
            #expect(more["rooms"]?[roomID]?["unstable_expanded_timeline"] == true)
            let state = try await session.ask(
                Self.list(state: [["m.room.create", ""]], limit: 3), on: loop)
            let told = state["rooms"]?[roomID]?["required_state"]?.arrayValue
            #expect(told?.compactMap { $0["type"]?.stringValue } == ["m.room.create"])
            let same = try await session.ask(
                Self.list(state: [["m.room.create", ""]], limit: 3), on: loop)
            #expect(same["rooms"] == [:])
        }
    }

    @Test func whoSpeaksIsToldLazily() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            let other = try await b.register("b", on: loop)
            let roomID = try await a.createRoom(
                token: token, ["preset": "public_chat"], on: loop)
            _ = try await b.request(
                "POST", "/_matrix/client/v3/join/\(roomID)", token: other, [:], on: loop)
            let session = Session(a, token, engine)
            let wanted = Self.list(state: [["m.room.member", "$LAZY"]], limit: 1)
            func members(_ answer: JSON) -> [String] {
                answer["rooms"]?[roomID]?["required_state"]?.arrayValue?
                    .compactMap { $0["state_key"]?.stringValue } ?? []
            }
            #expect(members(try await session.ask(wanted, on: loop)) == ["@b:test"])
            var told: [[String]] = []
            for (text, speaker) in [("1", token), ("2", other), ("3", token)] {
                try await Self.say(text, in: roomID, by: speaker, b, on: loop)
                told.append(members(try await session.askNews(wanted, on: loop)))
            }
            #expect(told == [["@a:test"], [], []])
        }
    }

    @Test func invitationsShowNoMoreThanTheyMay() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            let guest = try await b.register("b", on: loop)
            let roomID = try await a.createRoom(
                token: token, ["preset": "private_chat", "name": "Secret"], on: loop)
            try await Self.say("hush", in: roomID, by: token, a, on: loop)
            let session = Session(b, guest, engine)
            // A room that is nobody's business stays so, subscribed to or not.
            let nosy: JSON = [
                "room_subscriptions": [
                    roomID: ["timeline_limit": 10, "required_state": [["*", "*"]]]
                ]
            ]
            #expect(try await session.ask(nosy, on: loop)["rooms"] == [:])
            _ = try await a.request(
                "POST", "/_matrix/client/v3/rooms/\(roomID)/invite", token: token,
                ["user_id": "@b:test"], on: loop)
            let answer = try await session.askNews(nosy, on: loop)
            let room = try #require(answer["rooms"]?[roomID])
            #expect(room["timeline"] == nil)
            #expect(room["required_state"] == nil)
            let stripped = room["invite_state"]?.arrayValue ?? []
            #expect(stripped.contains { $0["type"] == "m.room.name" })
            #expect(stripped.allSatisfy { $0["event_id"] == nil })
            let lists = try await session.ask(Self.list(filters: ["is_invite": true]), on: loop)
            #expect(Self.ids(lists) == [roomID])
            let joined = try await session.ask(Self.list(filters: ["is_invite": false]), on: loop)
            #expect(Self.ids(joined) == [])
        }
    }

    @Test func extensionsTellTheRest() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            let roomID = try await a.createRoom(token: token, on: loop)
            let on: JSON = ["enabled": true]
            let all = Self.list(extensions: [
                "to_device": on, "e2ee": on, "account_data": on, "receipts": on, "typing": on,
            ])
            let session = Session(b, token, engine)
            let start = try await session.ask(all, on: loop)
            let first = try #require(start["extensions"])
            #expect(first["to_device"]?["events"] == [])
            #expect(first["e2ee"]?["device_one_time_keys_count"] != nil)
            #expect(first["e2ee"]?["device_lists"] == ["changed": [], "left": []])
            #expect(first["receipts"] == ["rooms": [:]])
            #expect(first["typing"] == ["rooms": [:]])

            _ = try await a.request(
                "PUT", "/_matrix/client/v3/rooms/\(roomID)/typing/@a:test", token: token,
                ["typing": true, "timeout": 60_000], on: loop)
            _ = try await a.request(
                "PUT", "/_matrix/client/v3/user/@a:test/rooms/\(roomID)/tags/u.x", token: token,
                [:], on: loop)
            _ = try await a.request(
                "PUT", "/_matrix/client/v3/user/@a:test/account_data/org.x", token: token,
                ["x": 1], on: loop)
            _ = try await a.request(
                "PUT", "/_matrix/client/v3/sendToDevice/m.test/t1", token: token,
                ["messages": ["@a:test": ["*": ["body": "psst"]]]], on: loop)
            let next = try await session.ask(all, on: loop)
            let told = try #require(next["extensions"])
            #expect(told["to_device"]?["events"]?[0]?["content"]?["body"] == "psst")
            #expect(told["typing"]?["rooms"]?[roomID]?["content"]?["user_ids"] == ["@a:test"])
            #expect(told["account_data"]?["global"]?[0]?["content"] == ["x": 1])
            #expect(told["account_data"]?["rooms"]?[roomID]?[0]?["type"] == "m.tag")
            // The token of the messages says that they have arrived.
            let batch = try #require(told["to_device"]?["next_batch"]?.stringValue)
            let done = try await session.ask(
                Self.list(extensions: ["to_device": ["enabled": true, "since": .string(batch)]]),
                on: loop)
            #expect(done["extensions"]?["to_device"]?["events"] == [])
        }
    }

    @Test func whoLeavesIsTold() throws {
        try withSync { a, b, engine, loop in
            let token = try await a.register("a", on: loop)
            let roomID = try await a.createRoom(token: token, on: loop)
            let session = Session(b, token, engine)
            _ = try await session.ask(Self.list(), on: loop)
            _ = try await a.request(
                "POST", "/_matrix/client/v3/rooms/\(roomID)/leave", token: token, [:], on: loop)
            let answer = try await session.askNews(
                Self.list(state: [["m.room.member", "$ME"]]), on: loop)
            #expect(answer["lists"]?["all"]?["count"] == 0)
            let events = answer["rooms"]?[roomID]?["timeline"]?.arrayValue
            #expect(events?.last?["content"]?["membership"] == "leave")
            #expect(try await session.ask(Self.list(), on: loop)["rooms"] == [:])
        }
    }

    @Test func nonsenseIsRefused() throws {
        try withSync { a, _, engine, loop in
            let session = Session(a, try await a.register("a", on: loop), engine)
            let wrong: [JSON] = [
                ["lists": []], ["lists": ["a": 1]], ["conn_id": 1],
                ["lists": ["a": ["ranges": [[1]]]]], ["lists": ["a": ["ranges": [[5, 1]]]]],
                ["lists": ["a": ["ranges": [[-1, 1]]]]],
                ["lists": ["a": ["timeline_limit": "many"]]],
                ["lists": ["a": ["timeline_limit": -1]]],
                ["lists": ["a": ["required_state": [["x"]]]]],
                ["lists": ["a": ["filters": ["is_dm": 1]]]],
                ["extensions": ["to_device": ["enabled": true, "since": "x"]]],
                ["room_subscriptions": ["!a:b": []]],
                ["conn_id": .string(String(repeating: "x", count: 256))],
            ]
            for body in wrong {
                let code = try await session.refusal(body, on: loop)
                #expect(code == "M_BAD_JSON" || code == "M_INVALID_PARAM", "\(body)")
            }
            let nobody = try await a.request(
                "POST", SlidingSyncRoutes.path, token: "nobody", [:], on: loop)
            #expect(nobody.status == 401)
        }
    }
}

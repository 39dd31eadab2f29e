import JSON
import Reactor
import Testing

@testable import Services

@Suite struct FilteredSyncTests {
    /// What is told of a room with a condition on the rooms of one part.
    private func told(
        _ part: String, _ key: String, _ room: String, _ feed: SyncFeed,
        on loop: isolated EventLoop
    ) async throws -> JSON? {
        let filter: JSON = ["room": JSON([part: JSON([key: [.string(room)]])])]
        return try await feed.sync("a", filter: filter, on: loop).joined(room)
    }

    /// The texts of a room's timeline under some conditions.
    private func bodies(
        _ conditions: JSON, _ room: String, _ feed: SyncFeed, on loop: isolated EventLoop
    ) async throws -> [String]? {
        try await feed.sync("a", filter: ["room": ["timeline": conditions]], on: loop)
            .joined(room)?.bodies
    }

    @Test func onlyTheFieldsAskedForAreTold() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.say("x", by: "a", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            let answer = try await feed.sync(
                "a", filter: ["event_fields": ["type", "content.body", "content.name", "a\\.b"]],
                on: loop)
            let joined = try #require(answer.joined(room))
            #expect(
                joined.events("timeline").last
                    == ["type": "m.room.message", "content": ["body": "x"]])
            #expect(joined.events("timeline").allSatisfy { $0["event_id"] == nil })
        }
    }

    @Test func eventsComeAsServersExchangeThem() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let id = try await world.say("x", by: "a", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            let answer = try await feed.sync(
                "a", filter: ["event_format": "federation"], on: loop)
            let event = try #require(answer.joined(room)?.events("timeline").last)
            #expect(event["event_id"]?.stringValue == id)
            #expect(event["prev_events"]?.arrayValue?.isEmpty == false)
            #expect(event["hashes"] != nil)
            #expect(event["room_id"]?.stringValue == room)
            #expect(event["unsigned"]?["age"]?.intValue == 0)
        }
    }

    @Test func eachPartHasRoomsOfItsOwn() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.say("x", by: "a", in: room, on: loop)
            try await world.services.accountData.put(
                [:], type: "org.x", userID: "@a:test", roomID: room, on: loop)
            let feed = try await world.engine(on: loop)
            world.services.typing.start(
                userID: "@a:test", roomID: room, timeout: .seconds(60), on: loop)
            await feed.settle(on: loop)
            for part in ["timeline", "state", "account_data", "ephemeral"] {
                let shown = try #require(try await told(part, "rooms", room, feed, on: loop))
                #expect(!shown.events(part).isEmpty || part == "state", "\(part)")
                let hidden = try #require(try await told(part, "not_rooms", room, feed, on: loop))
                #expect(hidden.events(part).isEmpty, "\(part)")
            }
            // State that the timeline does not show is told beside it.
            let beside = try await told("timeline", "not_rooms", room, feed, on: loop)
            #expect(beside?.content(of: "m.room.create", in: "state") != nil)
        }
    }

    @Test func limitsAndSendersOfEachPartAreObeyed() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            for type in ["org.x", "org.y"] {
                for place in [nil, room] {
                    try await world.services.accountData.put(
                        [:], type: type, userID: "@a:test", roomID: place, on: loop)
                }
            }
            let feed = try await world.engine(on: loop)
            let filter: JSON = [
                "account_data": ["types": ["org.*"], "limit": 1],
                "room": [
                    "account_data": ["types": ["org.*"], "limit": 1], "timeline": ["limit": 0],
                ],
            ]
            let answer = try await feed.sync("a", filter: filter, on: loop)
            #expect(answer.events("account_data").count == 1)
            #expect(answer.joined(room)?.events("account_data").count == 1)
            #expect(answer.joined(room)?.timelineIDs == [])
            #expect(answer.joined(room)?.isLimited == true)
            // Account data has no sender, so nobody's passes.
            let senders = try await feed.sync(
                "a", filter: ["account_data": ["senders": ["@a:test"]]], on: loop)
            #expect(senders.events("account_data").isEmpty)
        }
    }

    @Test func eventsAreFoundByWhatRelatesToThem() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            let root = try await world.say("root", by: "a", in: room, on: loop)
            try await world.say("other", by: "a", in: room, on: loop)
            try await world.relate("m.thread", to: root, by: "b", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            #expect(
                try await bodies(["related_by_rel_types": ["m.thread"]], room, feed, on: loop) == [
                    "root"
                ])
            #expect(
                try await bodies(["related_by_rel_types": ["m.replace"]], room, feed, on: loop)
                    == [])
            #expect(
                try await bodies(["related_by_senders": ["@b:test"]], room, feed, on: loop) == [
                    "root"
                ])
            #expect(
                try await bodies(["related_by_senders": ["@a:test"]], room, feed, on: loop) == [])
        }
    }

    @Test func whatRelatesToAnEventIsToldWithIt() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let root = try await world.say("root", by: "a", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            let since = try await feed.sync("a", on: loop).nextBatch
            let client = try await feed.park("a", since: since, on: loop)
            feed.isHeld = true
            let second = try await world.say("second", by: "a", in: room, on: loop)
            try await world.relate("m.thread", to: second, by: "a", in: room, on: loop)
            try await world.relate("m.reference", to: root, by: "a", in: room, on: loop)
            feed.release(on: loop)
            let live = try await client.json(on: loop)
            await feed.settle(on: loop)
            for answer in [live, try await feed.sync("a", on: loop)] {
                let event = answer.joined(room)?.events("timeline").first {
                    $0["event_id"]?.stringValue == second
                }
                let thread = event?["unsigned"]?["m.relations"]?["m.thread"]
                #expect(thread?["count"] == 1)
                #expect(thread?["current_user_participated"] == true)
            }
            let all = try await feed.sync("a", on: loop).joined(room)?.events("timeline") ?? []
            let first = all.first { $0["event_id"]?.stringValue == root }
            let chunk = first?["unsigned"]?["m.relations"]?["m.reference"]?["chunk"]
            #expect(chunk?.arrayValue?.count == 1)
        }
    }

    @Test(arguments: [SyncStateKind.after, .afterUnstable])
    func stateAfterTheTimelineIsToldInstead(_ kind: SyncStateKind) throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let feed = try await world.engine(on: loop)
            let initial = try await feed.sync("a", stateKind: kind, on: loop)
            let joined = try #require(initial.joined(room))
            #expect(joined["state"] == nil)
            #expect(joined.content(of: "m.room.create", in: kind.rawValue) != nil)
            let state = Set(joined.events(kind.rawValue).compactMap { $0["event_id"]?.stringValue })
            #expect(!state.isDisjoint(with: joined.timelineIDs))

            let parked = try await feed.park(
                "a", since: initial.nextBatch, stateKind: kind, on: loop)
            try await world.say("x", by: "a", in: room, on: loop)
            let said = try await parked.json(on: loop)
            #expect(said.joined(room)?.events(kind.rawValue) == [])
            #expect(said.joined(room)?["state"] == nil)
            #expect(feed.engine.metrics.deliveriesLive == 1)

            let again = try await feed.park("a", since: said.nextBatch, stateKind: kind, on: loop)
            let topic = try await world.setState(
                "m.room.topic", ["topic": "t"], by: "a", in: room, on: loop)
            let changed = try await again.json(on: loop).joined(room)
            #expect(changed?.timelineIDs == [topic])
            #expect(changed?.content(of: "m.room.topic", in: kind.rawValue)?["topic"] == "t")
        }
    }
}

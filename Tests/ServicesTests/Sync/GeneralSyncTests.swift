import JSON
import Postgres
import Reactor
import Storage
import Testing

@testable import Services

@Suite struct GeneralSyncTests {
    @Test func anInitialSyncShowsJoinedRooms() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(
                by: "a", ["preset": "public_chat", "name": "Here"], on: loop)
            for number in 0..<12 { try await world.say("\(number)", by: "a", in: room, on: loop) }
            let feed = try await world.engine(on: loop)
            let answer = try await feed.sync("a", on: loop)
            let joined = try #require(answer.joined(room))
            #expect(joined.bodies == (2..<12).map { "\($0)" })
            #expect(joined.isLimited == true)
            #expect(joined.content(of: "m.room.name", in: "state")?["name"] == "Here")
            #expect(joined.content(of: "m.room.create", in: "state") != nil)
            #expect(joined["summary"]?["m.joined_member_count"]?.intValue == 1)
            #expect(joined["unread_notifications"]?["notification_count"]?.intValue == 0)
            #expect(answer["device_one_time_keys_count"] == ["signed_curve25519": 0])
            #expect(StreamToken(answer.nextBatch) == feed.engine.position)
            let other = try await feed.sync("b", on: loop)
            #expect(other["rooms"]?["join"] == [:])
        }
    }

    @Test func stateAndTimelineNeverTellTheSameTwice() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.setState("m.room.topic", ["topic": "1"], by: "a", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            let answer = try await feed.sync(
                "a", filter: ["room": ["timeline": ["limit": 2]]], on: loop)
            let joined = try #require(answer.joined(room))
            #expect(joined.timelineIDs.count == 2)
            let state = joined.events("state").compactMap { $0["event_id"]?.stringValue }
            #expect(Set(state).isDisjoint(with: joined.timelineIDs))
            #expect(!state.isEmpty)
        }
    }

    @Test func anIncrementalSyncTellsWhatIsNew() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let quiet = try await world.createRoom(by: "a", on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("a", on: loop)
            let id = try await world.say("new", by: "a", in: room, on: loop)
            await feed.settle(on: loop)
            let second = try await feed.sync("a", since: first.nextBatch, on: loop)
            #expect(second.joined(room)?.timelineIDs == [id])
            #expect(second.joined(room)?.isLimited == false)
            #expect(second.joined(room)?.events("state").isEmpty == true)
            #expect(second.joined(quiet) == nil)
            let third = try await feed.sync("a", since: second.nextBatch, on: loop)
            #expect(third["rooms"]?["join"] == [:])
            #expect(third.nextBatch == second.nextBatch)
        }
    }

    @Test func aGapIsLimitedAndItsStateIsTold() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("a", on: loop)
            try await world.setState("m.room.topic", ["topic": "1"], by: "a", in: room, on: loop)
            try await world.setState("m.room.topic", ["topic": "2"], by: "a", in: room, on: loop)
            for number in 0..<15 { try await world.say("\(number)", by: "a", in: room, on: loop) }
            await feed.settle(on: loop)
            let second = try await feed.sync("a", since: first.nextBatch, on: loop)
            let joined = try #require(second.joined(room))
            #expect(joined.isLimited == true)
            #expect(joined.bodies == (5..<15).map { "\($0)" })
            #expect(joined.events("state").count == 1)
            #expect(joined.content(of: "m.room.topic", in: "state")?["topic"] == "2")
            let place = try #require(
                joined["timeline"]?["prev_batch"]?.stringValue.flatMap { RoomToken($0) })
            guard case .topological = place else {
                Issue.record("prev_batch is no place in the room")
                return
            }
        }
    }

    @Test func invitationsAreStrippedAndTurnIntoRooms() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(
                by: "a", ["preset": "private_chat", "name": "Secret", "topic": "hush"], on: loop)
            try await world.say("not for b", by: "a", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            let before = try await feed.sync("b", on: loop)
            try await world.invite("b", to: room, by: "a", on: loop)
            await feed.settle(on: loop)
            let invited = try await feed.sync("b", since: before.nextBatch, on: loop)
            let state = try #require(invited.invited(room)).events("invite_state")
            #expect(state.allSatisfy { $0["event_id"] == nil && $0["origin_server_ts"] == nil })
            let types = Set(state.compactMap { $0["type"]?.stringValue })
            #expect(types.isSuperset(of: ["m.room.create", "m.room.name", "m.room.member"]))
            let own = state.first { $0["state_key"] == "@b:test" }
            #expect(own?["content"]?["membership"] == "invite")
            let again = try await feed.sync("b", since: invited.nextBatch, on: loop)
            #expect(again.invited(room) == nil)

            try await world.join("b", room, on: loop)
            await feed.settle(on: loop)
            let joined = try await feed.sync("b", since: invited.nextBatch, on: loop)
            let shown = try #require(joined.joined(room))
            let name = ["state", "timeline"].compactMap { shown.content(of: "m.room.name", in: $0) }
            #expect(name == [["name": "Secret"]])
            #expect(shown["summary"]?["m.heroes"] == ["@a:test"])
        }
    }

    @Test func aLeftRoomEndsWithItsLastVisibleEvent() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("b", on: loop)
            try await world.say("seen", by: "a", in: room, on: loop)
            try await world.leave("b", room, on: loop)
            try await world.say("unseen", by: "a", in: room, on: loop)
            await feed.settle(on: loop)
            let second = try await feed.sync("b", since: first.nextBatch, on: loop)
            #expect(second.joined(room) == nil)
            let left = try #require(second.left(room))
            #expect(left.bodies == ["seen"])
            #expect(left.content(of: "m.room.member", in: "timeline")?["membership"] == "leave")
            let third = try await feed.sync("b", since: second.nextBatch, on: loop)
            #expect(third.left(room) == nil)
            let initial = try await feed.sync("b", on: loop)
            #expect(initial.left(room) == nil)
            let archived = try await feed.sync(
                "b", filter: ["room": ["include_leave": true]], on: loop)
            #expect(archived.left(room)?.bodies == ["seen"])
        }
    }

    @Test func someoneNeverJoinedSeesOnlyTheEndOfTheInvitation() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(
                by: "a", ["preset": "private_chat"], on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("b", on: loop)
            try await world.invite("b", to: room, by: "a", on: loop)
            try await world.say("secret", by: "a", in: room, on: loop)
            try await world.leave("b", room, on: loop)
            await feed.settle(on: loop)
            let second = try await feed.sync("b", since: first.nextBatch, on: loop)
            let left = try #require(second.left(room))
            #expect(left.timelineIDs.count == 1)
            #expect(left.events("state").isEmpty)
        }
    }

    @Test(arguments: [
        ("shared", ["before", "meanwhile", "after"]), ("joined", ["after"]),
        ("invited", ["meanwhile", "after"]), ("world_readable", ["before", "meanwhile", "after"]),
    ])
    func historyVisibilityHolds(_ visibility: String, _ seen: [String]) throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(
                by: "a",
                [
                    "preset": "private_chat",
                    "initial_state": [
                        [
                            "type": "m.room.history_visibility", "state_key": "",
                            "content": ["history_visibility": .string(visibility)],
                        ]
                    ],
                ], on: loop)
            let feed = try await world.engine(on: loop)
            let start = try await feed.sync("b", on: loop)
            try await world.say("before", by: "a", in: room, on: loop)
            try await world.invite("b", to: room, by: "a", on: loop)
            try await world.say("meanwhile", by: "a", in: room, on: loop)
            try await world.join("b", room, on: loop)
            try await world.say("after", by: "a", in: room, on: loop)
            await feed.settle(on: loop)
            let wide: JSON = ["room": ["timeline": ["limit": 100]]]
            let initial = try await feed.sync("b", filter: wide, on: loop)
            #expect(initial.joined(room)?.bodies == seen)
            let incremental = try await feed.sync(
                "b", since: start.nextBatch, filter: wide, on: loop)
            #expect(incremental.joined(room)?.bodies == seen)
            #expect(
                incremental.joined(room)?.content(of: "m.room.create", in: "state") != nil
                    || seen.count == 3)
        }
    }

    @Test func comingBackTellsTheAbsenceOnce() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("b", on: loop)
            try await world.say("1", by: "a", in: room, on: loop)
            try await world.leave("b", room, on: loop)
            await feed.settle(on: loop)
            let left = try await feed.sync("b", since: first.nextBatch, on: loop)
            try await world.say("2", by: "a", in: room, on: loop)
            try await world.join("b", room, on: loop)
            try await world.say("3", by: "a", in: room, on: loop)
            await feed.settle(on: loop)
            let back = try await feed.sync("b", since: left.nextBatch, on: loop)
            #expect(left.left(room)?.bodies == ["1"])
            #expect(back.joined(room)?.bodies == ["2", "3"])
            #expect(back.joined(room)?.isLimited == false)
            #expect(back.joined(room)?.content(of: "m.room.create", in: "state") != nil)
            // Who was not told of the absence gets it all in one piece.
            let whole = try await feed.sync("b", since: first.nextBatch, on: loop)
            #expect(whole.joined(room)?.bodies == ["1", "2", "3"])
        }
    }

    @Test func personalDataIsTold() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("a", on: loop)
            let data = world.services.accountData
            try await data.put(["x": 1], type: "org.x", userID: "@a:test", roomID: nil, on: loop)
            try await data.put(["y": 2], type: "org.y", userID: "@a:test", roomID: room, on: loop)
            try await data.setTag(
                "m.favourite", content: ["order": 0.5], userID: "@a:test", roomID: room, on: loop)
            await feed.settle(on: loop)
            for since in [nil, first.nextBatch] {
                let answer = try await feed.sync("a", since: since, on: loop)
                #expect(answer.content(of: "org.x", in: "account_data") == ["x": 1])
                let joined = try #require(answer.joined(room))
                #expect(joined.content(of: "org.y", in: "account_data") == ["y": 2])
                let tags = joined.content(of: "m.tag", in: "account_data")
                #expect(tags == ["tags": ["m.favourite": ["order": 0.5]]])
            }
            let second = try await feed.sync("a", since: first.nextBatch, on: loop)
            try await data.setTag(
                "m.favourite", content: nil, userID: "@a:test", roomID: room, on: loop)
            await feed.settle(on: loop)
            let third = try await feed.sync("a", since: second.nextBatch, on: loop)
            #expect(third.joined(room)?.content(of: "m.tag", in: "account_data") == ["tags": [:]])
            #expect(third.content(of: "org.x", in: "account_data") == nil)
        }
    }

    @Test func receiptsAndTypingAreTold() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            let id = try await world.say("read me", by: "a", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("a", on: loop)
            try await world.read(id, by: "b", in: room, on: loop)
            try await world.read(id, by: "a", in: room, type: "m.read.private", on: loop)
            world.services.typing.start(
                userID: "@b:test", roomID: room, timeout: .seconds(60), on: loop)
            await feed.settle(on: loop)
            for since in [nil, first.nextBatch] {
                let mine = try #require(
                    try await feed.sync("a", since: since, on: loop).joined(room))
                let content = mine.content(of: "m.receipt", in: "ephemeral")?[id]
                #expect(content?["m.read"]?["@b:test"]?["ts"]?.intValue == 1_700_000_000_000)
                #expect(content?["m.read.private"]?["@a:test"] != nil)
                let typing = mine.content(of: "m.typing", in: "ephemeral")
                #expect(typing == ["user_ids": ["@b:test"]])
            }
            let theirs = try await feed.sync("b", on: loop).joined(room)
            let content = theirs?.content(of: "m.receipt", in: "ephemeral")?[id]
            #expect(content?["m.read"] != nil)
            #expect(content?["m.read.private"] == nil)
        }
    }

    @Test func theSendingDeviceAloneSeesItsTransaction() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.say("x", by: "a", in: room, transaction: "mine", on: loop)
            let feed = try await world.engine(on: loop)
            let own = try await feed.sync("a", on: loop).joined(room)?.events("timeline").last
            #expect(own?["unsigned"]?["transaction_id"] == "mine")
            let other = try await feed.sync("a", device: "OTHER", on: loop)
            let event = other.joined(room)?.events("timeline").last
            #expect(event?["unsigned"]?["transaction_id"] == nil)
            #expect(event?["unsigned"]?["age"]?.intValue == 0)
            #expect(event?["room_id"] == nil)
        }
    }

    @Test func redactedEventsAreEmpty() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let id = try await world.say("regret", by: "a", in: room, on: loop)
            let redaction = try await world.services.rooms.redact(
                id, in: room, content: ["reason": "typo"], sender: world.user("a"), on: loop)
            let feed = try await world.engine(on: loop)
            let answer = try await feed.sync("a", on: loop)
            let events = try #require(answer.joined(room)).events("timeline")
            let redacted = events.first { $0["event_id"]?.stringValue == id }
            #expect(redacted?["content"] == [:])
            let because = redacted?["unsigned"]?["redacted_because"]
            #expect(because?["event_id"]?.stringValue == redaction)
            #expect(events.last?["redacts"]?.stringValue == id)
        }
    }

    @Test func fullStateSendsAllStateOfAllRooms() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("a", on: loop)
            let full = try await feed.sync(
                "a", since: first.nextBatch, timeout: .seconds(60), fullState: true, on: loop)
            let joined = try #require(full.joined(room))
            #expect(joined.content(of: "m.room.create", in: "state") != nil)
            #expect(joined.timelineIDs.isEmpty)
        }
    }

    @Test func filtersAreObeyed() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let other = try await world.createRoom(by: "a", on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("a", on: loop)
            try await world.say("x", by: "a", in: room, on: loop)
            try await world.setState("m.room.topic", ["topic": "t"], by: "a", in: room, on: loop)
            try await world.say("y", by: "a", in: other, on: loop)
            await feed.settle(on: loop)
            let filter: JSON = [
                "room": [
                    "not_rooms": [.string(other)], "timeline": ["types": ["m.room.mess*"]],
                ]
            ]
            let answer = try await feed.sync(
                "a", since: first.nextBatch, filter: filter, on: loop)
            #expect(answer.joined(other) == nil)
            #expect(answer.joined(room)?.bodies == ["x"])
            #expect(answer.joined(room)?.timelineIDs.count == 1)
            // What the timeline hides of the state is told beside it.
            let topic = answer.joined(room)?.content(of: "m.room.topic", in: "state")
            #expect(topic?["topic"] == "t")
        }
    }

    @Test func ignoredUsersAreNotHeard() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            try await world.services.accountData.put(
                ["ignored_users": ["@b:test": [:]]], type: "m.ignored_user_list",
                userID: "@a:test", roomID: nil, on: loop)
            try await world.say("noise", by: "b", in: room, on: loop)
            try await world.say("music", by: "a", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            let answer = try await feed.sync("a", on: loop)
            #expect(answer.joined(room)?.bodies == ["music"])
        }
    }

    @Test func theNumberOfStatementsDoesNotGrowWithTheRooms() throws {
        try withWorld { world, loop in
            var counts: [Int] = []
            for _ in 0..<2 {
                for _ in 0..<4 { _ = try await world.createRoom(by: "a", on: loop) }
                let feed = try await world.engine(on: loop)
                _ = try await feed.sync("a", on: loop)
                counts.append(feed.engine.metrics.queries)
            }
            #expect(counts[0] == counts[1])
            #expect(counts[0] <= 14)
        }
    }
}

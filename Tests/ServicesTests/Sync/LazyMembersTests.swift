import JSON
import Reactor
import Testing

@testable import Services

@Suite struct LazyMembersTests {
    static let lazy: JSON = [
        "room": ["timeline": ["limit": 20], "state": ["lazy_load_members": true]]
    ]
    static let redundant: JSON = [
        "room": [
            "timeline": ["limit": 20],
            "state": ["lazy_load_members": true, "include_redundant_members": true],
        ]
    ]

    /// A room of `a`, `b`, `c` and `d`, none of whose events but the last ten are in reach.
    private func crowd(_ world: SyncWorld, on loop: isolated EventLoop) async throws -> String {
        let room = try await world.createRoom(by: "a", on: loop)
        for name in ["b", "c", "d", "e", "f", "g", "h"] {
            try await world.join(name, room, on: loop)
        }
        for number in 0..<25 { try await world.say("\(number)", by: "a", in: room, on: loop) }
        return room
    }

    @Test func anInitialSyncTellsOfThoseWhoSpeakAndThoseWhoNameTheRoom() throws {
        try withWorld { world, loop in
            let room = try await crowd(world, on: loop)
            try await world.say("x", by: "h", in: room, on: loop)
            let feed = try await world.engine(on: loop)
            let answer = try await feed.sync("g", filter: Self.lazy, on: loop)
            let joined = try #require(answer.joined(room))
            // The first five others, the reader, and who spoke.
            #expect(joined.members("state") == ["a", "b", "c", "d", "e", "g", "h"])
            #expect(joined["summary"]?["m.joined_member_count"]?.intValue == 8)
            #expect(joined.content(of: "m.room.create", in: "state") != nil)
            let all = try await feed.sync("g", on: loop).joined(room)
            #expect(all?.members("state").count == 8)
        }
    }

    @Test(arguments: [true, false])
    func whoSpeaksIsToldOnce(_ isParked: Bool) throws {
        try withWorld { world, loop in
            let room = try await crowd(world, on: loop)
            let feed = try await world.engine(on: loop)
            var since = try await feed.sync("a", filter: Self.lazy, on: loop).nextBatch
            var told: [[String]] = []
            for name in ["h", "h", "g", "b"] {
                let answer: JSON
                if isParked {
                    let client = try await feed.park(
                        "a", since: since, filter: Self.lazy, on: loop)
                    try await world.say("x", by: name, in: room, on: loop)
                    answer = try await client.json(on: loop)
                } else {
                    try await world.say("x", by: name, in: room, on: loop)
                    await feed.settle(on: loop)
                    answer = try await feed.sync("a", since: since, filter: Self.lazy, on: loop)
                }
                told.append(answer.joined(room)?.members("state") ?? [])
                since = answer.nextBatch
            }
            // `b` is among those who name the room.
            #expect(told == [["h"], [], ["g"], []])
            #expect((feed.engine.metrics.deliveriesLive == 4) == isParked)
        }
    }

    @Test func whatMayNotHaveArrivedIsToldAgain() throws {
        try withWorld { world, loop in
            let room = try await crowd(world, on: loop)
            let feed = try await world.engine(on: loop)
            let since = try await feed.sync("a", filter: Self.lazy, on: loop).nextBatch
            try await world.say("x", by: "h", in: room, on: loop)
            await feed.settle(on: loop)
            var answers: [JSON] = []
            for _ in 0..<2 {
                answers.append(
                    try await feed.sync("a", since: since, filter: Self.lazy, on: loop))
            }
            #expect(answers[0].joined(room)?.members("state") == ["h"])
            #expect(answers[1] == answers[0])
            // Back at an older token, and at a process that knows nothing.
            try await world.say("y", by: "h", in: room, on: loop)
            await feed.settle(on: loop)
            let next = try await feed.sync(
                "a", since: answers[0].nextBatch, filter: Self.lazy, on: loop)
            #expect(next.joined(room)?.members("state") == [])
            let back = try await feed.sync("a", since: since, filter: Self.lazy, on: loop)
            #expect(back.joined(room)?.members("state") == ["h"])
            let other = try await world.engine(on: loop)
            let again = try await other.sync(
                "a", since: answers[0].nextBatch, filter: Self.lazy, on: loop)
            #expect(again.joined(room)?.members("state") == ["h"])
        }
    }

    @Test(arguments: [true, false])
    func redundantMembersAreToldEachTime(_ isParked: Bool) throws {
        try withWorld { world, loop in
            let room = try await crowd(world, on: loop)
            let feed = try await world.engine(on: loop)
            var since = try await feed.sync("a", filter: Self.redundant, on: loop).nextBatch
            for _ in 0..<2 {
                let client =
                    try await isParked
                    ? feed.park("a", since: since, filter: Self.redundant, on: loop) : nil
                try await world.say("x", by: "h", in: room, on: loop)
                await feed.settle(on: loop)
                let answer: JSON
                if let client {
                    answer = try await client.json(on: loop)
                } else {
                    answer = try await feed.sync(
                        "a", since: since, filter: Self.redundant, on: loop)
                }
                #expect(answer.joined(room)?.members("state") == ["h"])
                since = answer.nextBatch
            }
        }
    }

    @Test func aGapTellsOfEveryChangeOfMembersInIt() throws {
        try withWorld { world, loop in
            let room = try await crowd(world, on: loop)
            let feed = try await world.engine(on: loop)
            let since = try await feed.sync("a", filter: Self.lazy, on: loop).nextBatch
            try await world.leave("f", room, on: loop)
            try await world.setState(
                "m.room.member", key: "@b:test", ["membership": "join", "displayname": "B"],
                by: "b", in: room, on: loop)
            for number in 0..<21 { try await world.say("\(number)", by: "a", in: room, on: loop) }
            await feed.settle(on: loop)
            let answer = try await feed.sync("a", since: since, filter: Self.lazy, on: loop)
            let joined = try #require(answer.joined(room))
            #expect(joined.isLimited == true)
            // And of those after whom the room is named now.
            #expect(joined.members("state") == ["b", "f", "g", "h"])
            #expect(joined["summary"]?["m.joined_member_count"]?.intValue == 7)
        }
    }

    @Test func whoIntroducesThemselvesIsNotToldTwice() throws {
        try withWorld { world, loop in
            let room = try await crowd(world, on: loop)
            let feed = try await world.engine(on: loop)
            let since = try await feed.sync("a", filter: Self.lazy, on: loop).nextBatch
            let client = try await feed.park("a", since: since, filter: Self.lazy, on: loop)
            feed.isHeld = true
            try await world.join("newcomer", room, on: loop)
            try await world.say("hello", by: "newcomer", in: room, on: loop)
            feed.release(on: loop)
            let answer = try await client.json(on: loop)
            #expect(feed.engine.metrics.deliveriesLive == 1)
            #expect(answer.joined(room)?.timelineIDs.count == 2)
            #expect(answer.joined(room)?.members("state").contains("newcomer") == false)
            // And is known from then on, as the profile that speaks is.
            let next = try await feed.park(
                "a", since: answer.nextBatch, filter: Self.lazy, on: loop)
            try await world.say("again", by: "newcomer", in: room, on: loop)
            #expect(try await next.json(on: loop).joined(room)?.members("state") == [])
        }
    }

    @Test func fullStateTellsOfTheReader() throws {
        try withWorld { world, loop in
            let room = try await crowd(world, on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("h", filter: Self.lazy, on: loop)
            let full = try await feed.sync(
                "h", since: first.nextBatch, filter: Self.lazy, fullState: true, on: loop)
            #expect(full.joined(room)?.members("state") == ["a", "b", "c", "d", "e", "h"])
        }
    }

    @Test func aRoomOfOneIsNamedAfterThoseWhoLeft() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            try await world.leave("b", room, on: loop)
            let feed = try await world.engine(on: loop)
            let answer = try await feed.sync("a", filter: Self.lazy, on: loop)
            #expect(answer.joined(room)?["summary"]?["m.heroes"] == ["@b:test"])
        }
    }
}

extension JSON {
    /// The localparts of the users of whose membership a part tells, sorted.
    func members(_ part: String) -> [String] {
        events(part).filter { $0["type"]?.stringValue == "m.room.member" }
            .compactMap { $0["state_key"]?.stringValue }
            .map { String($0.dropFirst().prefix { $0 != ":" }) }.sorted()
    }
}

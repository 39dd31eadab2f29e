import JSON
import Postgres
import Reactor
import ReplicationWire
import Testing

@testable import Services

@Suite struct LiveSyncTests {
    /// A room with two members, and both parked.
    private struct Scene {
        let room: String
        let feed: SyncFeed
        let since: String
    }

    private func scene(
        _ world: SyncWorld, _ options: SyncOptions = SyncOptions(), on loop: isolated EventLoop
    ) async throws -> Scene {
        let room = try await world.createRoom(by: "a", on: loop)
        try await world.join("b", room, on: loop)
        let feed = try await world.engine(options, on: loop)
        let first = try await feed.sync("a", on: loop)
        _ = try await feed.sync("b", on: loop)
        return Scene(room: room, feed: feed, since: first.nextBatch)
    }

    @Test func aParkedClientGetsWhatHappens() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let responder = try await scene.feed.park("b", since: scene.since, on: loop)
            #expect(responder.result == nil)
            let id = try await world.say("hello", by: "a", in: scene.room, on: loop)
            let answer = try await responder.json(on: loop)
            #expect(answer.joined(scene.room)?.timelineIDs == [id])
            #expect(scene.feed.engine.metrics.deliveriesLive == 1)
            #expect(scene.feed.engine.metrics.parked == 0)
        }
    }

    @Test func aWaveCostsTwoStatementsAndOneText() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            let names = (0..<20).map { "m\($0)" }
            for name in names { try await world.join(name, room, on: loop) }
            let feed = try await world.engine(on: loop)
            var parked: [TestResponder] = []
            for name in names {
                let since = try await feed.sync(name, on: loop).nextBatch
                parked.append(try await feed.park(name, since: since, on: loop))
            }
            // With the first message what everybody has unread is read as well, once for all.
            let start = feed.engine.metrics.queries
            try await world.say("first", by: "a", in: room, on: loop)
            for (index, name) in names.enumerated() {
                let since = try await parked[index].json(on: loop).nextBatch
                parked[index] = try await feed.park(name, since: since, on: loop)
            }
            #expect(feed.engine.metrics.queries - start == 3)
            let before = feed.engine.metrics
            try await world.say("all", by: "a", in: room, on: loop)
            var tokens: [String] = []
            for responder in parked { tokens.append(try await responder.json(on: loop).nextBatch) }
            let after = feed.engine.metrics
            #expect(after.queries - before.queries == 2)
            #expect(after.deliveriesLive - before.deliveriesLive == 20)
            let pieces = Set(
                parked.flatMap { ($0.answer?.pieces ?? []).map(ObjectIdentifier.init) })
            #expect(pieces.count == 1)

            // They come back with the new token and cost nothing.
            for (name, token) in zip(names, tokens) {
                _ = try feed.ask(name, since: token, on: loop)
            }
            #expect(feed.engine.metrics.parked == 20)
            #expect(feed.engine.metrics.queries == after.queries)
            #expect(feed.engine.metrics.parksFromMemory - after.parksFromMemory == 20)
        }
    }

    @Test func theSenderSeesItsTransactionAndOthersDoNot() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let own = try await scene.feed.park("a", since: scene.since, on: loop)
            let tablet = try await scene.feed.park(
                "a", since: scene.since, device: "TABLET", on: loop)
            let other = try await scene.feed.park("b", since: scene.since, on: loop)
            try await world.say("x", by: "a", in: scene.room, transaction: "mine", on: loop)
            var transactions: [JSON?] = []
            for responder in [own, tablet, other] {
                let event = try await responder.json(on: loop).joined(scene.room)?
                    .events("timeline").first
                transactions.append(event?["unsigned"]?["transaction_id"])
            }
            #expect(transactions == ["mine", nil, nil])
            #expect(scene.feed.engine.metrics.deliveriesLive == 3)
        }
    }

    @Test func nothingNewIsAnsweredWhenTheTimeIsUp() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let answer = try await scene.feed.sync(
                "a", since: scene.since, timeout: .milliseconds(20), on: loop)
            #expect(answer["rooms"]?["join"] == [:])
            #expect(answer.nextBatch == scene.since)
            #expect(scene.feed.engine.metrics.parked == 0)
        }
    }

    @Test func aClientThatLeavesIsForgotten() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let responder = try await scene.feed.park("b", since: scene.since, on: loop)
            responder.leave()
            #expect(scene.feed.engine.metrics.parked == 0)
            try await world.say("x", by: "a", in: scene.room, on: loop)
            await scene.feed.settle(on: loop)
            #expect(responder.result == nil)
        }
    }

    @Test func joiningAndLeavingGoTheGeneralWay() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let other = try await world.createRoom(by: "a", on: loop)
            await scene.feed.settle(on: loop)
            let since = try await scene.feed.sync("b", since: scene.since, on: loop).nextBatch
            let waiting = try await scene.feed.park("b", since: since, on: loop)
            try await world.join("b", other, on: loop)
            let joined = try await waiting.json(on: loop)
            #expect(
                joined.joined(other)?.content(of: "m.room.create", in: "state") != nil
                    || joined.joined(other)?.content(of: "m.room.create", in: "timeline") != nil)
            // The new room counts from now on.
            let again = try await scene.feed.park("b", since: joined.nextBatch, on: loop)
            let id = try await world.say("in", by: "a", in: other, on: loop)
            let next = try await again.json(on: loop)
            #expect(next.joined(other)?.timelineIDs == [id])
            let last = try await scene.feed.park("b", since: next.nextBatch, on: loop)
            try await world.leave("b", other, on: loop)
            let left = try await last.json(on: loop)
            #expect(left.left(other) != nil)
            let after = try await scene.feed.park("b", since: left.nextBatch, on: loop)
            try await world.say("out", by: "a", in: other, on: loop)
            await scene.feed.settle(on: loop)
            #expect(after.result == nil)
        }
    }

    @Test func typingAndReceiptsAreDeliveredLive() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let id = try await world.say("x", by: "a", in: scene.room, on: loop)
            await scene.feed.settle(on: loop)
            var since = try await scene.feed.sync("a", since: scene.since, on: loop).nextBatch
            let before = scene.feed.engine.metrics

            var waiting = try await scene.feed.park("a", since: since, on: loop)
            world.services.typing.start(
                userID: "@b:test", roomID: scene.room, timeout: .seconds(60), on: loop)
            var answer = try await waiting.json(on: loop)
            let typing = answer.joined(scene.room)?.content(of: "m.typing", in: "ephemeral")
            #expect(typing == ["user_ids": ["@b:test"]])
            since = answer.nextBatch

            waiting = try await scene.feed.park("a", since: since, on: loop)
            try await world.read(id, by: "b", in: scene.room, on: loop)
            answer = try await waiting.json(on: loop)
            let receipt = answer.joined(scene.room)?.content(of: "m.receipt", in: "ephemeral")
            #expect(receipt?[id]?["m.read"]?["@b:test"] != nil)
            let after = scene.feed.engine.metrics
            #expect(after.deliveriesLive - before.deliveriesLive == 2)
            #expect(after.queries - before.queries == 1, "what is unread was read, once")

            // A private receipt is told to its owner and to nobody else.
            waiting = try await scene.feed.park("a", since: answer.nextBatch, on: loop)
            let owner = try await scene.feed.park("b", since: answer.nextBatch, on: loop)
            try await world.read(
                id, by: "b", in: scene.room, type: "m.read.private", on: loop)
            let told = try await owner.json(on: loop).joined(scene.room)
            #expect(told?.content(of: "m.receipt", in: "ephemeral")?[id]?["m.read.private"] != nil)
            await scene.feed.settle(on: loop)
            #expect(waiting.result == nil)
        }
    }

    @Test func accountDataWakesItsOwnerOnly() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let owner = try await scene.feed.park("a", since: scene.since, on: loop)
            let other = try await scene.feed.park("b", since: scene.since, on: loop)
            try await world.services.accountData.put(
                ["x": 1], type: "org.x", userID: "@a:test", roomID: nil, on: loop)
            let answer = try await owner.json(on: loop)
            #expect(answer.content(of: "org.x", in: "account_data") == ["x": 1])
            #expect(other.result == nil)
        }
    }

    @Test func aTokenFromTheFutureWaitsForReplication() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let ahead = try await world.engine(on: loop)
            scene.feed.isHeld = true
            try await world.say("one", by: "a", in: scene.room, on: loop)
            await ahead.settle(on: loop)
            let future = try await ahead.sync("b", since: scene.since, on: loop).nextBatch
            let waiting = try scene.feed.ask("b", since: future, on: loop)
            while scene.feed.engine.future.isEmpty { await loop.sleep(for: .milliseconds(1)) }
            scene.feed.release(on: loop)
            let id = try await world.say("two", by: "a", in: scene.room, on: loop)
            let answer = try await waiting.json(on: loop)
            #expect(answer.joined(scene.room)?.timelineIDs == [id])
        }
    }

    @Test func aTokenThatIsNeverReachedIsAnsweredWithItself() throws {
        try withWorld { world, loop in
            var options = SyncOptions()
            options.futureTimeout = .milliseconds(5)
            let scene = try await scene(world, options, on: loop)
            let answer = try await scene.feed.sync(
                "b", since: "s999999_0_0_77", timeout: .seconds(60), on: loop)
            #expect(answer["rooms"]?["join"] == [:])
            #expect(StreamToken(answer.nextBatch)?.room == 999_999)
            #expect(StreamToken(answer.nextBatch)?.receipt == 77)
        }
    }

    @Test func typingEndsWhenTheMainProcessStartsAgain() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let row = TypingStreamRow(roomID: scene.room, userIDs: ["@b:test"])
            let engine = scene.feed.engine
            engine.streamAdvanced(
                StreamBatch(stream: .typing, token: 500, rows: [.typing(row)]), on: loop)
            await scene.feed.settle(on: loop)
            let old = try await scene.feed.sync("a", since: scene.since, on: loop)
            #expect(StreamToken(old.nextBatch)?.typing == 500)
            let waiting = try await scene.feed.park("a", since: old.nextBatch, on: loop)
            engine.streamAdvanced(StreamBatch(stream: .typing, token: 0, rows: []), on: loop)
            let quiet = try await waiting.json(on: loop)
            let room = quiet.joined(scene.room)
            #expect(room?.content(of: "m.typing", in: "ephemeral") == ["user_ids": []])
            #expect(StreamToken(quiet.nextBatch)?.typing == 0)
            // One who was on the way with the old token hears of it as well, once.
            let late = try await scene.feed.sync("a", since: old.nextBatch, on: loop)
            let lateRoom = late.joined(scene.room)
            #expect(lateRoom?.content(of: "m.typing", in: "ephemeral") == ["user_ids": []])
            let parked = try await scene.feed.park("a", since: late.nextBatch, on: loop)
            #expect(parked.result == nil)
        }
    }

    @Test func ignoredUsersAreNotHeardLive() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            try await world.services.accountData.put(
                ["ignored_users": ["@b:test": [:]]], type: "m.ignored_user_list",
                userID: "@a:test", roomID: nil, on: loop)
            await scene.feed.settle(on: loop)
            let since = try await scene.feed.sync("a", since: scene.since, on: loop).nextBatch
            let waiting = try await scene.feed.park("a", since: since, on: loop)
            try await world.say("noise", by: "b", in: scene.room, on: loop)
            try await world.say("music", by: "a", in: scene.room, on: loop)
            let answer = try await waiting.json(on: loop)
            #expect(answer.joined(scene.room)?.bodies == ["music"])
        }
    }

    @Test func moreThanAClientWantsIsLimited() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let waiting = try await scene.feed.park("b", since: scene.since, on: loop)
            let patient = try await scene.feed.park(
                "b", since: scene.since, filter: ["room": ["timeline": ["limit": 50]]], on: loop)
            scene.feed.isHeld = true
            for number in 0..<15 {
                try await world.say("\(number)", by: "a", in: scene.room, on: loop)
            }
            scene.feed.release(on: loop)
            let few = try await waiting.json(on: loop).joined(scene.room)
            #expect(few?.bodies.count == 10)
            #expect(few?.isLimited == true)
            let all = try await patient.json(on: loop).joined(scene.room)
            #expect(all?.bodies.count == 15)
            #expect(all?.isLimited == false)
        }
    }

    @Test func aFloodIsServedFromTheDatabase() throws {
        try withWorld { world, loop in
            var options = SyncOptions()
            options.liveEventsMax = 5
            let scene = try await scene(world, options, on: loop)
            let waiting = try await scene.feed.park("b", since: scene.since, on: loop)
            scene.feed.isHeld = true
            for number in 0..<8 {
                try await world.say("\(number)", by: "a", in: scene.room, on: loop)
            }
            scene.feed.release(on: loop)
            let room = try await waiting.json(on: loop).joined(scene.room)
            #expect(room?.bodies == (0..<8).map { "\($0)" })
            #expect(scene.feed.engine.metrics.deliveriesLive == 0)
        }
    }

    @Test func shuttingDownAnswersEverybodyWithTheirPlace() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let waiting = try await scene.feed.park("b", since: scene.since, on: loop)
            scene.feed.engine.shutDown(on: loop)
            #expect(try await waiting.json(on: loop).nextBatch == scene.since)
            let late = try await scene.feed.sync(
                "a", since: scene.since, timeout: .seconds(60), on: loop)
            #expect(late.nextBatch == scene.since)
        }
    }

    @Test func missingRowsAreMadeUpForFromTheDatabase() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let waiting = try await scene.feed.park("b", since: scene.since, on: loop)
            scene.feed.isHeld = true
            try await world.say("lost", by: "a", in: scene.room, on: loop)
            let engine = scene.feed.engine
            let token = world.services.streams.position(of: .events)
            engine.streamAdvanced(
                StreamBatch(stream: .events, token: token, rows: [], skipsRows: true), on: loop)
            let room = try await waiting.json(on: loop).joined(scene.room)
            #expect(room?.bodies == ["lost"])
            let late = try await scene.feed.sync("a", since: scene.since, on: loop)
            #expect(late.joined(scene.room)?.bodies == ["lost"])
            #expect(engine.metrics.deliveriesLive == 0)
        }
    }

    @Test func repeatedRowsChangeNothing() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, on: loop)
            let waiting = try await scene.feed.park("b", since: scene.since, on: loop)
            let engine = scene.feed.engine
            let row = EventStreamRow(
                eventID: "$x", roomID: scene.room, type: "m.room.message", stateKey: nil)
            engine.streamAdvanced(
                StreamBatch(
                    stream: .events, token: engine.position.room, rows: [.event(row)]), on: loop)
            #expect(!engine.isDelivering)
            #expect(waiting.result == nil)
        }
    }

    @Test func usersWhoNoLongerAskAreForgotten() throws {
        try withWorld { world, loop in
            var options = SyncOptions()
            options.idleUsersMax = 1
            let scene = try await scene(world, options, on: loop)
            _ = try await scene.feed.sync("c", on: loop)
            try await world.say("x", by: "a", in: scene.room, on: loop)
            await scene.feed.settle(on: loop)
            #expect(scene.feed.engine.metrics.trackedUsers == 1)
            // They are served all the same.
            let answer = try await scene.feed.sync("a", since: scene.since, on: loop)
            #expect(answer.joined(scene.room)?.bodies == ["x"])
        }
    }
}

@Suite struct SyncActivityTests {
    private final class Recorder: SyncActivityDelegate {
        var log: [String] = []
        func userBeganSync(_ userID: String, at time: Int64, on loop: isolated EventLoop) {
            log.append("+\(userID)")
        }
        func userEndedSync(_ userID: String, at time: Int64, on loop: isolated EventLoop) {
            log.append("-\(userID)")
        }
    }

    @Test func usersAreOnlineUntilTheGraceIsOver() throws {
        let loop = try EventLoop()
        loop.submit { loop in
            let activity = SyncActivity(grace: .milliseconds(20), clock: .system)
            let recorder = Recorder()
            activity.delegate = recorder
            activity.began("a", on: loop)
            activity.began("a", on: loop)
            activity.ended("a", on: loop)
            #expect(activity.counts == ["a": 1])
            activity.ended("a", on: loop)
            activity.began("a", on: loop)
            #expect(recorder.log == ["+a"])
            activity.ended("a", on: loop)
            while recorder.log.count < 2 { await loop.sleep(for: .milliseconds(1)) }
            #expect(recorder.log == ["+a", "-a"])
            #expect(activity.counts.isEmpty)
            activity.began("a", on: loop)
            #expect(recorder.log == ["+a", "-a", "+a"])
            loop.stop()
        }
        loop.run()
    }
}

import JSON
import Reactor
import Testing

@testable import Services

/// A wave is told in slices, between which the loop does other things.
@Suite struct WaveSlicesTests {
    private let names = (0..<20).map { "m\($0)" }

    private func options(slice: Int) -> SyncOptions {
        var options = SyncOptions()
        options.waveSlice = slice
        return options
    }

    /// A room of all names, all of whom wait.
    private func scene(
        _ world: SyncWorld, slice: Int, on loop: isolated EventLoop
    ) async throws -> (room: String, feed: SyncFeed, since: [String], parked: [TestResponder]) {
        let room = try await world.createRoom(by: "a", on: loop)
        for name in names { try await world.join(name, room, on: loop) }
        let feed = try await world.engine(options(slice: slice), on: loop)
        var since: [String] = []
        var parked: [TestResponder] = []
        for name in names {
            since.append(try await feed.sync(name, on: loop).nextBatch)
            parked.append(try await feed.park(name, since: since[since.count - 1], on: loop))
        }
        return (room, feed, since, parked)
    }

    /// Waits, turn by turn, until so many have their answers; returns how many had after each turn.
    private func watch(
        _ parked: [TestResponder], until count: Int, on loop: isolated EventLoop
    ) async -> [Int] {
        var counts = [0]
        while counts[counts.count - 1] < count {
            await loop.nextTurn()
            counts.append(parked.count { $0.result != nil })
        }
        return counts
    }

    @Test func sliceBySliceEverybodyIsTold() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, slice: 4, on: loop)
            try await world.say("all", by: "a", in: scene.room, on: loop)
            let counts = await watch(scene.parked, until: 20, on: loop)
            let steps = zip(counts.dropFirst(), counts).map { $0 - $1 }
            #expect(steps.allSatisfy { $0 <= 4 }, "\(counts)")
            for responder in scene.parked {
                #expect(try await responder.json(on: loop).joined(scene.room)?.bodies == ["all"])
            }
            #expect(scene.feed.engine.metrics.parked == 0)
            #expect(scene.feed.engine.metrics.waves == 1)
        }
    }

    @Test func theSmallestRoomIsTheFirst() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, slice: 1, on: loop)
            let small = try await world.createRoom(by: "x", on: loop)
            try await world.join("y", small, on: loop)
            await scene.feed.settle(on: loop)
            let since = try await scene.feed.sync("y", on: loop).nextBatch
            let waiting = try await scene.feed.park("y", since: since, on: loop)
            scene.feed.isHeld = true
            try await world.say("to many", by: "a", in: scene.room, on: loop)
            try await world.say("to few", by: "x", in: small, on: loop)
            scene.feed.release(on: loop)
            while waiting.result == nil {
                #expect(scene.parked.allSatisfy { $0.result == nil })
                await loop.nextTurn()
            }
            _ = await watch(scene.parked, until: 20, on: loop)
        }
    }

    @Test func whoComesBackDuringAWaveIsNotToldTwice() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, slice: 1, on: loop)
            try await world.say("once", by: "a", in: scene.room, on: loop)
            _ = await watch(scene.parked, until: 1, on: loop)
            let first = try #require(scene.parked.first { $0.result != nil })
            let next = try await first.json(on: loop).nextBatch
            // Another device of somebody whom the wave has not come to, with the position after the message.
            let later = try #require(scene.parked.lastIndex { $0.result == nil })
            let tablet = try scene.feed.ask(
                names[later], since: next, device: "TABLET", on: loop)
            _ = await watch(scene.parked, until: 20, on: loop)
            await scene.feed.settle(on: loop)
            #expect(tablet.result == nil)
            try await world.say("twice", by: "a", in: scene.room, on: loop)
            #expect(try await tablet.json(on: loop).joined(scene.room)?.bodies == ["twice"])
        }
    }

    @Test func aShutDownDuringAWaveSkipsNothing() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, slice: 1, on: loop)
            try await world.say("last words", by: "a", in: scene.room, on: loop)
            _ = await watch(scene.parked, until: 3, on: loop)
            scene.feed.engine.shutDown(on: loop)
            var told = 0
            for (responder, since) in zip(scene.parked, scene.since) {
                let answer = try await responder.json(on: loop)
                if answer.joined(scene.room)?.bodies == ["last words"] {
                    told += 1
                } else {
                    // To be asked for again, on another process.
                    #expect(answer.nextBatch == since)
                }
            }
            #expect((3..<20).contains(told))
        }
    }

    @Test func whoseTimeIsUpDuringAWaveGetsTheNews() throws {
        try withWorld { world, loop in
            let scene = try await scene(world, slice: 1, on: loop)
            try await world.say("in time", by: "a", in: scene.room, on: loop)
            _ = await watch(scene.parked, until: 1, on: loop)
            for client in scene.feed.engine.users.values.flatMap(\.parked) {
                loop.reschedule(client.timer, after: .zero)
            }
            // The loop is held up until they are due, so that the next turn begins with them.
            let due = Instant.now + .milliseconds(3)
            while Instant.now < due {}
            _ = await watch(scene.parked, until: 20, on: loop)
            for responder in scene.parked {
                #expect(
                    try await responder.json(on: loop).joined(scene.room)?.bodies == ["in time"])
            }
        }
    }
}

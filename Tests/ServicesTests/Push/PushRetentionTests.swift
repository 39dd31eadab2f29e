import JSON
import Matrix
import Postgres
import Reactor
import Recomputation
import Storage
import Testing

@testable import Services

@Suite struct PushRetentionTests {
    private func rows(
        _ table: String, _ world: SyncWorld, on loop: isolated EventLoop
    ) async throws -> Int64 {
        let rows = try await world.pool.query(
            Statement(unprepared: "SELECT count(*) FROM \(table)"), [], on: loop)
        return try rows.first?.integer(0) ?? -1
    }

    private func tidy(
        before time: Int64, _ world: SyncWorld, on loop: isolated EventLoop
    ) async throws {
        var position: Int64? = 0
        while let start = position {
            position = try await PushRetention.tidyOwn(
                after: start, before: time, in: world.pool, on: loop)
        }
        var roomID: String? = ""
        while let start = roomID {
            roomID = try await PushRetention.tidyRooms(
                after: start, before: time, limit: 1, in: world.pool, on: loop)
        }
    }

    @Test func whatWasReadIsDeletedLaterAndWhatWasNotIsKept() throws {
        try withWorld { world, loop in
            let now = SyncWorld.clock.now
            var last: [String: String] = [:]
            var rooms: [String] = []
            for _ in 0..<3 {
                let room = try await world.createRoom(by: "a", on: loop)
                for name in ["b", "c", "d"] { try await world.join(name, room, on: loop) }
                rooms.append(room)
                for _ in 0..<3 {
                    last[room] = try await world.say("hello b", by: "a", in: room, on: loop)
                }
            }
            #expect(try await rows("event_push_actions", world, on: loop) == 9)
            #expect(try await rows("room_push_actions", world, on: loop) == 9)
            // In the first room everybody reads, in the second b alone; d leaves it.
            let first = try #require(last[rooms[0]])
            for name in ["b", "c", "d", "a"] {
                try await world.read(first, by: name, in: rooms[0], on: loop)
            }
            try await world.read(
                try #require(last[rooms[1]]), by: "b", in: rooms[1], on: loop)
            try await tidy(before: now, world, on: loop)
            #expect(try await rows("event_push_actions", world, on: loop) == 9, "it is too soon")
            try await tidy(before: now + 1, world, on: loop)
            #expect(try await rows("event_push_actions", world, on: loop) == 3)
            #expect(try await rows("room_push_actions", world, on: loop) == 6)
            #expect(try await PushRecomputation.mismatches(in: world.pool, on: loop) == [])
            try await world.leave("b", rooms[2], on: loop)
            try await tidy(before: now + 1, world, on: loop)
            #expect(try await rows("event_push_actions", world, on: loop) == 0)
            #expect(try await PushRecomputation.mismatches(in: world.pool, on: loop) == [])
        }
    }
}

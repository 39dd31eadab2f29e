import Postgres
import Reactor
import Testing

@testable import Storage

@Suite struct StreamIDGeneratorTests {
    private static let statement = Statement(
        "test_ids",
        "SELECT nextval('receipts_sequence') FROM generate_series(1, $1::bigint)")

    @Test func thePositionIsTheHighestWithAllLowerOnesFinished() throws {
        try withDatabase { pool, loop in
            let ids = StreamIDGenerator(Self.statement, current: 0, blockSize: 3)
            let first = try await ids.next(2, from: pool, on: loop)
            let second = try await ids.next(3, from: pool, on: loop)
            #expect(first == [1, 2])
            #expect(second == [3, 4, 5])
            #expect(ids.finish([4, 2], on: loop) == nil)
            #expect(ids.position == 0)
            #expect(ids.finish([1], on: loop) == 2)
            #expect(ids.finish([5], on: loop) == nil)
            #expect(ids.finish([3], on: loop) == 5)
            #expect(ids.finish([3], on: loop) == nil)
        }
    }

    @Test func concurrentTakersGetRisingIdsOnce() throws {
        try withDatabase { pool, loop in
            let ids = StreamIDGenerator(Self.statement, current: 0, blockSize: 7)
            let tasks = (0..<50).map { index in
                loop.spawn { try? await ids.next(1 + index % 3, from: pool, on: loop) }
            }
            var all: [Int64] = []
            for task in tasks {
                let taken = try #require(await task.value)
                #expect(taken == taken.sorted())
                all += taken
            }
            #expect(Set(all).count == all.count)
            #expect(all.max() == Int64(all.count))
            for id in all.shuffled() { ids.finish([id], on: loop) }
            #expect(ids.position == Int64(all.count))
        }
    }

    @Test func idsThatTheTableHasAlreadyAreSkipped() throws {
        try withDatabase { pool, loop in
            let ids = StreamIDGenerator(Self.statement, current: 20, blockSize: 5)
            let next = try await ids.next(1, from: pool, on: loop)
            #expect(next == [21])
        }
    }
}

import Postgres
import Reactor
import ReplicationWire
import Storage

/// Tells all processes, over the `caches` stream, which cache entries are out of date.
final class CacheInvalidator {
    private let pool: PostgresPool
    private let clock: WallClock
    private let announcements: OrderedAnnouncements

    init(
        pool: PostgresPool, ids: StreamIDGenerator, publisher: any StreamPublisher,
        clock: WallClock
    ) {
        self.pool = pool
        self.clock = clock
        announcements = OrderedAnnouncements(ids: ids, publisher: publisher)
    }

    func invalidate(
        _ cache: String, keys: [String]?, on loop: isolated EventLoop
    ) async throws {
        let time = clock.now
        try await announcements.store(from: pool, on: loop) { streamID in
            try await CacheInvalidations.store(
                cache: cache, keys: keys, time: time, streamID: streamID, in: pool, on: loop)
            let row = CachesStreamRow(cache: cache, keys: keys, invalidatedMilliseconds: time)
            return ((), .caches, [.cache(row)])
        }
    }

    /// Invalidates several entries, each with its keys.
    func invalidateEach(
        _ cache: String, keyLists: [[String]], on loop: isolated EventLoop
    ) async throws {
        let time = clock.now
        try await announcements.storeEach(
            keyLists, from: pool, on: .caches, loop: loop,
            row: { keys in
                .cache(CachesStreamRow(cache: cache, keys: keys, invalidatedMilliseconds: time))
            },
            { numbered in
                try await CacheInvalidations.store(
                    cache: cache, keyLists: numbered.map(\.element), time: time,
                    streamIDs: numbered.map(\.id), in: pool, on: loop)
            })
    }
}

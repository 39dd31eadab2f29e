import Postgres
import Reactor
import Storage

/// Goes through the push actions again and again, some pages at a time, and deletes what nobody needs any more.
final class PushTidying {
    private let pool: PostgresPool
    private let clock: WallClock
    private var position: Int64 = 0
    private var roomID = ""

    /// How long what was read is kept, for the list of notifications.
    static let lifetimeMilliseconds: Int64 = 30 * 24 * 3600 * 1000
    private static let pages = 50
    private static let pageOfRooms = 100

    init(pool: PostgresPool, clock: WallClock) {
        self.pool = pool
        self.clock = clock
    }

    /// Looks at the next pages. At the end it begins again.
    func run(on loop: isolated EventLoop) async throws {
        let time = clock.now - Self.lifetimeMilliseconds
        for _ in 0..<Self.pages {
            let next = try await PushRetention.tidyOwn(
                after: position, before: time, in: pool, on: loop)
            position = next ?? 0
            if next == nil { break }
        }
        for _ in 0..<Self.pages {
            let next = try await PushRetention.tidyRooms(
                after: roomID, before: time, limit: Self.pageOfRooms, in: pool, on: loop)
            roomID = next ?? ""
            if next == nil { break }
        }
    }
}

import JSON
import Matrix
import Postgres
public import Reactor
import ReplicationWire
public import Storage

/// Rooms: making them, sending to them, reading them. On the main process's loop.
public final class RoomService {
    let settings: HomeserverSettings
    let pool: PostgresPool
    let clock: WallClock
    let typing: Typing
    let cache: EventCache
    let rooms: RoomCache
    let transactions = RecentTransactions()
    let groupIDs: StreamIDGenerator
    /// Knows who may have to be notified of events.
    let audience: PushAudience
    /// Tells of rooms that are published or withdrawn.
    let listings: OrderedAnnouncements
    /// When the last room was made.
    var lastCreation: Int64 = 0
    /// Writes the events; its counters show how many share a commit.
    public let persister: EventPersister

    init(
        settings: HomeserverSettings, pool: PostgresPool, ids: StreamIDGenerators,
        publisher: any StreamPublisher, typing: Typing, pushRules: PushRuleService,
        clock: WallClock, on loop: isolated EventLoop
    ) {
        self.settings = settings
        self.pool = pool
        self.clock = clock
        self.typing = typing
        cache = EventCache(pool: pool)
        rooms = RoomCache(pool: pool)
        groupIDs = ids.stateGroups
        audience = PushAudience(pool: pool, rules: pushRules)
        listings = OrderedAnnouncements(ids: ids.publicRooms, publisher: publisher)
        persister = EventPersister(pool: pool, ids: ids.events) { announcements in
            for announcement in announcements {
                let row = EventStreamRow(
                    eventID: announcement.eventID, roomID: announcement.roomID,
                    type: announcement.type, stateKey: announcement.stateKey,
                    redacts: announcement.redacts)
                publisher.publish(
                    .events, token: announcement.streamOrdering, rows: [.event(row)], on: loop)
            }
        }
        let rooms = rooms
        persister.failed = { rooms.forget($0) }
    }

    /// The room versions that rooms can be made with.
    public var supportedVersions: [String] { RoomVersion.supported.map(\.identifier) }

    /// Whether a user is of this server.
    func isLocal(_ userID: String) -> Bool {
        userID.utf8.dropFirst().split(separator: UInt8(ascii: ":"), maxSplits: 1).last.map {
            $0.elementsEqual(settings.serverName.utf8)
        } ?? false
    }

    /// A room that the user must be joined to. Throws M_FORBIDDEN, also for rooms that do not exist, about
    /// which nobody learns anything.
    func joinedRoom(
        _ roomID: String, userID: String, on loop: isolated EventLoop
    ) async throws -> Room {
        guard let room = try await rooms.room(roomID, on: loop),
            room.membership(of: userID) == .join
        else { throw MatrixError.forbidden("User \(userID) not in room \(roomID)") }
        return room
    }

    /// Throws M_FORBIDDEN unless a user is joined to a room.
    public func requireJoined(
        _ userID: String, in roomID: String, on loop: isolated EventLoop
    ) async throws {
        _ = try await joinedRoom(roomID, userID: userID, on: loop)
    }

    /// The rooms that a user is joined to.
    public func joinedRooms(
        of userID: String, on loop: isolated EventLoop
    ) async throws -> [String] {
        try await Memberships.memberships(userID: userID, in: pool, on: loop)
            .filter { $0.membership == "join" }.map(\.roomID)
    }
}

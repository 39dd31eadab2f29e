import Matrix
import Postgres
import Reactor
import Storage

/// A room as the main process keeps it in memory: what the next event builds on.
final class Room {
    struct Entry {
        let eventID: String
        let membership: Membership?
    }

    /// Events on their way to the database, on which the next ones build already.
    struct Pending {
        /// The pieces of state that they set, the last ones.
        var state: StateMap<Entry> = [:]
        var events: [String: (event: Event, ticket: EventPersister.Ticket)] = [:]
        /// The events that clients' requests made.
        var transactions: [NewEvent.Transaction: (eventID: String, EventPersister.Ticket)] = [:]
    }

    let roomID: RoomID
    let version: RoomVersion
    /// Held by whoever adds events, so that each follows the one before.
    let lock = AsyncLock()
    /// The newest events; one, unless the room came from elsewhere.
    var extremities: [(eventID: String, depth: Int64)] = []
    /// The state group after the newest event; nil if there are several or none.
    var stateGroup: Int64?
    /// How many changes lie between that group and a whole one.
    var hops: Int64 = 0
    /// The state that is stored.
    var state: StateMap<Entry> = [:]
    /// What was added and is not stored yet; the fields above count it in, but for the state.
    var pending = Pending()
    /// Who may have to be notified of the next event, once somebody has asked.
    var roster: PushRoster?
    /// Whether the cache has let go of it; what is added to the room must go through the cache's new one.
    var isStale = false
    /// When it was last used, in calls of `RoomCache.room`.
    var lastUse = 0

    init(roomID: RoomID, version: RoomVersion) {
        self.roomID = roomID
        self.version = version
    }

    /// Whether nobody adds to it and all that was added is stored.
    var isIdle: Bool { lock.isFree && pending.events.isEmpty }

    /// Waits until what was added to it is stored, or has failed. Afterwards the tables say all that there is to
    /// know of the room, if its lock was held.
    func settle(on loop: isolated EventLoop) async {
        for pending in pending.events.values { _ = try? await pending.ticket.positions(on: loop) }
    }

    func membership(of userID: String) -> Membership? {
        state[StateKey(EventType.member, userID)]?.membership
    }
}

/// The rooms in use. Lives on one loop, bounded.
final class RoomCache {
    private let pool: PostgresPool
    private let roomsMax: Int
    private var rooms: [String: Room] = [:]
    private var loading: [String: AsyncLock] = [:]
    /// Forgotten rooms with events on their way to the database.
    private var leaving: [String: Room] = [:]
    private var uses = 0

    init(pool: PostgresPool, roomsMax: Int = 5_000) {
        self.pool = pool
        self.roomsMax = roomsMax
    }

    /// A room, read from the database if it is not here yet; nil if this server does not know it.
    func room(_ roomID: String, on loop: isolated EventLoop) async throws -> Room? {
        uses += 1
        if let room = rooms[roomID] {
            room.lastUse = uses
            return room
        }
        let lock = loading[roomID] ?? AsyncLock()
        loading[roomID] = lock
        await lock.acquire(on: loop)
        defer {
            lock.release(on: loop)
            if lock.isFree { loading[roomID] = nil }
        }
        // Somebody else may have read it while we waited.
        if let room = rooms[roomID] { return room }
        if let former = leaving.removeValue(forKey: roomID) {
            await former.settle(on: loop)
        }
        guard let room = try await read(roomID, on: loop) else { return nil }
        insert(room)
        return room
    }

    /// Calls `body` with every room in use.
    func forEach(_ body: (Room) -> Void) { rooms.values.forEach(body) }

    func insert(_ room: Room) {
        if rooms.count >= roomsMax { evict() }
        uses += 1
        room.lastUse = uses
        rooms[room.roomID.text] = room
    }

    /// Makes the next use read the room again, once what is on its way to the database is there or failed.
    /// Whoever holds its lock must look whether it is stale before adding anything.
    func forget(_ roomID: String) {
        guard let room = rooms.removeValue(forKey: roomID) else { return }
        room.isStale = true
        if !room.pending.events.isEmpty { leaving[roomID] = room }
    }

    /// Runs `body` while nobody else adds to the room. Throws M_NOT_FOUND if there is no such room.
    func exclusively<Result>(
        _ roomID: String, on loop: isolated EventLoop,
        _ body: (Room) async throws -> Result
    ) async throws -> Result {
        while true {
            guard let room = try await room(roomID, on: loop) else {
                throw MatrixError.notFound("Unknown room")
            }
            await room.lock.acquire(on: loop)
            defer { room.lock.release(on: loop) }
            // While we waited the room may have been read anew, with another lock.
            if !room.isStale { return try await body(room) }
        }
    }

    private func evict() {
        let idle = rooms.values.filter(\.isIdle).sorted { $0.lastUse < $1.lastUse }
        for room in idle.prefix(roomsMax / 4) { forget(room.roomID.text) }
    }

    private func read(_ roomID: String, on loop: isolated EventLoop) async throws -> Room? {
        guard let row = try await Rooms.room(roomID, in: pool, on: loop) else { return nil }
        guard let version = RoomVersion(rawValue: row.version) else {
            throw MatrixError(
                400, "M_UNSUPPORTED_ROOM_VERSION", "Room version \(row.version) is not supported")
        }
        let room = Room(roomID: RoomID(trusted: roomID), version: version)
        let extremities = try await EventGraph.extremities(roomID: roomID, in: pool, on: loop)
        room.extremities = extremities.map { ($0.eventID, $0.depth) }
        if extremities.count == 1, let group = extremities[0].stateGroup {
            room.stateGroup = group
            room.hops = try await StateGroups.hops(of: group, in: pool, on: loop)
        }
        for entry in try await CurrentState.entries(roomID: roomID, in: pool, on: loop) {
            room.state[StateKey(entry.type, entry.stateKey)] = Room.Entry(
                eventID: entry.eventID,
                membership: entry.membership.flatMap { Membership(rawValue: $0) })
        }
        return room
    }
}

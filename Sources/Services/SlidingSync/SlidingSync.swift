import JSON
import Postgres
import Reactor
import Storage

/// One answer of simplified sliding sync, computed from the database as of a position that the process has reached, in
/// a fixed number of statements whatever the number of rooms.
///
/// The steps: the user's rooms and what lists choose by; the windows of the lists; which of their rooms have something
/// to tell since the client last heard of each; timelines and state of those; the extensions.
struct SlidingSync {
    /// A room that the answer may have to tell of.
    struct Target {
        let room: SlidingRoom
        var configuration: SlidingRequest.RoomConfiguration
        /// What the client knows of it; nil if nothing.
        var sent: SlidingConnection.SentRoom?
        /// Up to where the client was told; nil if nothing.
        var since: StreamToken?
        /// Whether more events are wanted than the client has asked for before.
        var isExpanded = false
        /// Whether more state is wanted.
        var wantsMoreState = false

        var roomID: String { room.roomID }
    }

    /// What is told of a room.
    struct Section {
        var target: Target
        var planned: PlannedRoom
        var state: [SyncEvent] = []
        var stripped: [SyncEvent] = []
        var summary: SyncRoomState.Summary?
        var heroes: [SyncEvent] = []
    }

    /// What came out.
    struct Result {
        var body: [UInt8]
        var hasNews: Bool
        var state: SlidingConnection.State
        var joinedRooms: [String]
        var ignored: Set<String>
        var toDeviceUpTo: Int64?
    }

    let asked: SlidingRequest
    let request: SyncRequest
    /// What the client has been told; nil for a new connection.
    let known: SlidingConnection.State?
    let now: StreamToken
    let engine: SyncEngine

    var personal = Personal()
    var rooms: [String: SlidingRoom] = [:]
    /// The rooms of each list, in order.
    var lists: [String: [String]] = [:]
    var targets: [String: Target] = [:]
    var sections: [String: Section] = [:]
    var relations: [String: JSON] = [:]

    struct Personal {
        var memberships: [SyncMemberships.Membership] = []
        var ignored: Set<String> = []
        var direct: Set<String> = []
        var tags: [String: Set<String>] = [:]
    }

    init(
        _ asked: SlidingRequest, _ request: SyncRequest, known: SlidingConnection.State?,
        now: StreamToken, engine: SyncEngine
    ) {
        self.asked = asked
        self.request = request
        self.known = known
        self.now = now
        self.engine = engine
    }

    var userID: String { request.userID }

    static func run(
        _ asked: SlidingRequest, _ request: SyncRequest, known: SlidingConnection.State?,
        now: StreamToken, engine: SyncEngine, on loop: isolated EventLoop
    ) async throws -> Result {
        var sync = SlidingSync(asked, request, known: known, now: now, engine: engine)
        return try await sync.compute(on: loop)
    }

    private mutating func compute(on loop: isolated EventLoop) async throws -> Result {
        try await readPersonal(on: loop)
        try await readRooms(on: loop)
        chooseRooms()
        try await readTimelines(on: loop)
        try await readState(on: loop)
        let extensions = try await extensions(on: loop)
        var state = known ?? SlidingConnection.State(token: now)
        state.token = known.map { now.merged(with: $0.token) } ?? now
        noteSent(&state)
        let hasNews = known == nil || !sections.isEmpty || extensions.hasNews
        return Result(
            body: write(extensions), hasNews: hasNews, state: state,
            joinedRooms: personal.memberships.filter { $0.membership == "join" }.map(\.roomID),
            ignored: personal.ignored, toDeviceUpTo: extensions.toDeviceUpTo)
    }

    func query(
        _ statements: [(Statement, [PostgresValue])], on loop: isolated EventLoop
    ) async throws -> [Rows] {
        if statements.isEmpty { return [] }
        engine.metrics.queries += statements.count
        return try await engine.pool.queryAll(statements, on: loop)
    }

    // MARK: The user's rooms

    private mutating func readPersonal(on loop: isolated EventLoop) async throws {
        let asksTags = asked.lists.values.contains { $0.filters.asksTags }
        var statements = [
            SyncMemberships.reading(userID: userID, at: now.room),
            SyncMemberships.readingIgnored(userID: userID),
            SlidingRooms.readingDirect(userID: userID, upTo: now.accountData),
        ]
        if asksTags {
            statements.append(
                SyncPersonalData.readingTags(userID: userID, after: 0, upTo: now.accountData))
        }
        let results = try await query(statements, on: loop)
        personal.memberships = try SyncMemberships.memberships(results[0])
        personal.ignored = Set(try SyncMemberships.ignoredUsers(results[1]))
        if let text = try SlidingRooms.direct(results[2]),
            let content = try? JSON(parsing: text).objectValue  // Broken: no room is direct.
        {
            for (_, rooms) in content {
                personal.direct.formUnion(rooms.arrayValue?.compactMap(\.stringValue) ?? [])
            }
        }
        guard asksTags else { return }
        for tag in try SyncPersonalData.tags(results[3]) {
            if let name = tag.name { personal.tags[tag.roomID, default: []].insert(name) }
        }
    }

    private mutating func readRooms(on loop: isolated EventLoop) async throws {
        let shown = personal.memberships.filter(isShown)
        let unknown = shown.map(\.roomID).filter { engine.slidingFacts.known($0) == nil }
        var read: [String: SlidingFacts] = [:]
        if !unknown.isEmpty {
            let generation = engine.slidingFacts.generation
            let rows = try await query([SlidingRooms.readingFacts(roomIDs: unknown)], on: loop)
            for fact in try SlidingRooms.facts(rows[0]) {
                read[fact.roomID, default: SlidingFacts()].add(fact)
            }
            engine.slidingFacts.insert(read, generation: generation)
        }
        for membership in shown {
            let roomID = membership.roomID
            let facts = read[roomID] ?? engine.slidingFacts.known(roomID) ?? SlidingFacts()
            rooms[roomID] = SlidingRoom(
                membership: membership, facts: facts,
                isDirect: personal.direct.contains(roomID), tags: personal.tags[roomID] ?? [])
        }
    }

    /// Rooms that the user is in or asked into, and those left of which the client does not know that.
    private func isShown(_ membership: SyncMemberships.Membership) -> Bool {
        switch membership.membership {
        case "join", "knock": true
        case "invite": !personal.ignored.contains(membership.sender)
        default:
            known.map { state in
                membership.streamOrdering > state.token.room
                    && state.rooms[membership.roomID] != nil
                    && !membership.isForgotten
            } ?? false
        }
    }

    // MARK: Which of them are told of

    private mutating func chooseRooms() {
        let sorted = rooms.values.sorted {
            $0.rank == $1.rank ? $0.roomID < $1.roomID : $0.rank > $1.rank
        }
        var wanted: [String: SlidingRequest.RoomConfiguration] = [:]
        for (name, list) in asked.lists {
            let ids = sorted.filter { room in
                !Self.isGone(room.membership) && list.filters.passes(room)
            }.map(\.roomID)
            lists[name] = ids
            for range in list.ranges {
                for index in range.clamped(to: 0...max(ids.count - 1, 0)) where index < ids.count {
                    guard range.contains(index) else { continue }
                    wanted[ids[index], default: .init()].formUnion(list.configuration)
                }
            }
        }
        for (roomID, configuration) in asked.subscriptions where rooms[roomID] != nil {
            wanted[roomID, default: .init()].formUnion(configuration)
        }
        for (roomID, configuration) in wanted {
            guard let room = rooms[roomID] else { continue }
            targets[roomID] = target(room, configuration)
        }
        // Who has left a room is told so, wherever it stood.
        for room in rooms.values where Self.isGone(room.membership) && targets[room.roomID] == nil {
            guard let sent = known?.rooms[room.roomID] else { continue }
            targets[room.roomID] = target(room, sent.configuration)
        }
    }

    static func isGone(_ membership: SyncMemberships.Membership) -> Bool {
        !["join", "invite", "knock"].contains(membership.membership)
    }

    private func target(
        _ room: SlidingRoom, _ configuration: SlidingRequest.RoomConfiguration
    ) -> Target {
        var target = Target(room: room, configuration: configuration)
        guard let known, let sent = known.rooms[room.roomID] else { return target }
        target.sent = sent
        target.since = sent.upTo ?? known.token
        target.isExpanded = configuration.timelineLimit > sent.configuration.timelineLimit
        target.wantsMoreState =
            !configuration.requiredState.pairs.isSubset(of: sent.configuration.requiredState.pairs)
        return target
    }

    /// Notes what the client will have been told once it has the answer.
    private func noteSent(_ state: inout SlidingConnection.State) {
        let before = known?.token ?? now
        for (roomID, sent) in state.rooms where targets[roomID] == nil && sent.upTo == nil {
            // No longer looked at: whatever comes is told when it is again.
            state.rooms[roomID]?.upTo = before
        }
        for (roomID, target) in targets {
            if Self.isGone(target.room.membership) {
                state.rooms[roomID] = nil
                continue
            }
            var sent = target.sent ?? .init(configuration: target.configuration)
            sent.upTo = nil
            sent.configuration = target.configuration
            if let section = sections[roomID] {
                sent.members.formUnion(
                    section.state.filter(\.isMember).compactMap(\.stateKey))
                if sent.members.count > SlidingConnection.membersMax { sent.members.removeAll() }
            }
            state.rooms[roomID] = sent
        }
    }
}

import Postgres
import Reactor
import ReplicationWire
import Storage

/// What a step needs from the database.
struct StepNews {
    /// The new events of the rooms that somebody here has joined, oldest first.
    var events: [SyncEvent] = []
    /// The rooms whose events were read.
    var rooms: Set<String> = []
    var summaries: [SyncRoomState.Summary] = []
    /// Who came to those rooms, and who went.
    var transitions: [SyncDeviceLists.Transition] = []
    /// Whose devices changed.
    var deviceLists: [SyncDeviceLists.Change] = []
    /// Where those are whose presence changed, and those who came and went.
    var userRooms: [String: Set<String>] = [:]
    /// Whom the new events notify.
    var pushActions: [UnreadCounts.Action] = []
    /// What those have not read of whom it was not known.
    var unread: [UnreadCounts.Count] = []
    /// Whether that was read.
    var hasUnread = false
    /// The members who speak in rooms and those after whom they may be named, as they were before the step; by room,
    /// and only where they were read.
    var members: [String: [SyncEvent]] = [:]
    /// Those who speak without having been introduced.
    var speakers: [String: Set<String>] = [:]
    /// Something could not be read, so that nobody knows whom it concerned.
    var isLost = false
}

/// Reads a step's news: all events in one statement, whatever their number, and all else in one round trip with it.
private struct StepReader {
    let statements: [(Statement, [PostgresValue])]
    private let uses: [Use]
    private let rooms: Set<String>

    private enum Use {
        case events, summaries, transitions, deviceLists, userRooms, pushActions, unread
    }

    /// Whose counts of what is unread are read.
    let unread: StepUnread

    init(_ step: StreamStep, for engine: SyncEngine) {
        let tracked = engine.rooms
        var statements: [(Statement, [PostgresValue])] = []
        var uses: [Use] = []
        func add(_ use: Use, _ statement: (Statement, [PostgresValue])) {
            uses.append(use)
            statements.append(statement)
        }
        var moved = Set(step.presence.keys)
        var rows = step.events.filter { tracked[$0.roomID] != nil }
        if rows.count > engine.options.liveEventsMax { rows = [] }
        rooms = Set(rows.map(\.roomID))
        if !rows.isEmpty {
            add(.events, SyncTimelines.reading(eventIDs: rows.map(\.eventID)))
            add(
                .pushActions,
                UnreadCounts.readingActions(
                    roomIDs: rooms.sorted(), after: step.start.room, upTo: step.position.room))
        }
        unread = StepUnread(step, tracked: tracked, rooms: rooms, users: engine.users)
        if !unread.pairs.isEmpty {
            add(.unread, UnreadCounts.reading(unread.pairs, upTo: step.position.room))
        }
        let members = rows.filter { $0.type == "m.room.member" }
        if !members.isEmpty {
            let changed = Set(members.map(\.roomID)).sorted()
            add(.summaries, SyncRoomState.readingSummaries(roomIDs: changed))
            add(
                .transitions,
                SyncDeviceLists.readingTransitions(
                    roomIDs: changed, after: step.start.room, upTo: step.position.room))
            moved.formUnion(members.compactMap(\.stateKey))
        }
        if step.hasDeviceLists {
            add(
                .deviceLists,
                SyncDeviceLists.readingAll(
                    after: step.start.deviceList, upTo: step.position.deviceList))
        }
        if !moved.isEmpty {
            add(.userRooms, SyncDeviceLists.readingRooms(userIDs: moved.sorted()))
        }
        self.statements = statements
        self.uses = uses
    }

    func news(_ results: [Rows]) throws(PostgresError) -> StepNews {
        var news = StepNews()
        news.rooms = rooms
        for (use, rows) in zip(uses, results) {
            switch use {
            case .events: news.events = try SyncTimelines.events(rows)
            case .summaries: news.summaries = try SyncRoomState.summaries(rows)
            case .transitions: news.transitions = try SyncDeviceLists.transitions(rows)
            case .deviceLists: news.deviceLists = try SyncDeviceLists.changes(rows)
            case .pushActions: news.pushActions = try UnreadCounts.actions(rows)
            case .unread:
                news.unread = try UnreadCounts.counts(rows)
                news.hasUnread = true
            case .userRooms: news.userRooms = try SyncDeviceLists.rooms(rows)
            }
        }
        return news
    }
}

extension SyncEngine {
    /// Reads what a step needs.
    ///
    /// While the database is away, clients stay parked and rows gather. In the end whoever is concerned is served
    /// by the general path, which tells the client of the trouble.
    func read(
        _ step: StreamStep, on loop: isolated EventLoop
    ) async -> (StepNews, StepUnread) {
        forgetMembers(changedBy: step)
        let reader = StepReader(step, for: self)
        var news = StepNews()
        guard !reader.statements.isEmpty else { return (news, reader.unread) }
        var pause = Duration.milliseconds(50)
        for _ in 0..<40 where !isShutDown {
            do {
                metrics.queries += reader.statements.count
                news = try reader.news(try await pool.queryAll(reader.statements, on: loop))
                if hasLazyUsers { try await readMembers(&news, of: step, on: loop) }
                return (news, reader.unread)
            } catch {
                metrics.readFailures += 1
                // What does not pass by itself, the clients are better told one by one.
                guard Self.mayPass(error) else { break }
                await loop.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
            }
        }
        // Of events it is known at least in which rooms they are.
        news.isLost = step.hasDeviceLists || !step.presence.isEmpty
        return (news, reader.unread)
    }

    private static func mayPass(_ error: PostgresError) -> Bool {
        error.isRetryable
            || [.connectFailed, .connectionLost, .timeout, .poolExhausted].contains(error.code)
    }
}

import Postgres
public import Reactor
import Storage

/// Whose keys a user has to look at again, and whose it need not watch any more.
public struct DeviceListNews: Sendable, Hashable {
    /// Users whose devices or keys changed, or with whom the user now shares a room.
    public var changed: Set<String> = []
    /// Users with whom the user no longer shares any room.
    public var left: Set<String> = []

    var isEmpty: Bool { changed.isEmpty && left.isEmpty }
}

/// Reads ``DeviceListNews`` from the database, for /sync's general path and for `GET /keys/changes`.
struct DeviceListReader {
    let userID: String
    /// What the client knows already.
    let since: StreamToken
    /// Up to where it is told.
    let now: StreamToken
    /// The rooms that the user is joined to and was at `since`.
    let keptRooms: [String]
    /// Those it has joined after `since`.
    let newRooms: [String]
    /// Those it has left after `since`.
    let leftRooms: [String]

    /// Those among the kept rooms to which somebody may have come, or from which somebody may have gone.
    private(set) var livelyRooms: [String]

    init(
        userID: String, since: StreamToken, now: StreamToken, keptRooms: [String],
        newRooms: [String], leftRooms: [String]
    ) {
        self.userID = userID
        self.since = since
        self.now = now
        self.keptRooms = keptRooms
        self.newRooms = newRooms
        self.leftRooms = leftRooms
        livelyRooms = keptRooms
    }

    /// Leaves rooms out of which it is known that nothing happened there.
    mutating func skipQuietRooms(_ isQuiet: (String) -> Bool) {
        livelyRooms = keptRooms.filter { !isQuiet($0) }
    }

    private var asksChanges: Bool { since.deviceList < now.deviceList }
    private var asksTransitions: Bool { since.room < now.room && !livelyRooms.isEmpty }

    /// What is to be read, all at once.
    var statements: [(Statement, [PostgresValue])] {
        var statements: [(Statement, [PostgresValue])] = []
        if asksChanges {
            statements.append(
                SyncDeviceLists.reading(
                    userID: userID, roomIDs: keptRooms, after: since.deviceList,
                    upTo: now.deviceList))
        }
        if asksTransitions {
            statements.append(
                SyncDeviceLists.readingTransitions(
                    roomIDs: livelyRooms, after: since.room, upTo: now.room))
        }
        if !newRooms.isEmpty {
            statements.append(SyncDeviceLists.readingMembers(roomIDs: newRooms))
        }
        if !leftRooms.isEmpty {
            statements.append(SyncDeviceLists.readingMembers(roomIDs: leftRooms))
        }
        return statements
    }

    /// Reads the results of ``statements``; where somebody may have gone, `query` finds out who is still there elsewhere.
    func news(
        _ results: [Rows], on loop: isolated EventLoop,
        query: ([(Statement, [PostgresValue])]) async throws -> [Rows]
    ) async throws -> DeviceListNews {
        var news = DeviceListNews()
        var gone: Set<String> = []
        var index = 0
        func next() -> Rows {
            defer { index += 1 }
            return results[index]
        }
        if asksChanges { news.changed.formUnion(try SyncDeviceLists.users(next())) }
        if asksTransitions {
            for transition in try SyncDeviceLists.transitions(next()) {
                if transition.isArrival {
                    news.changed.insert(transition.userID)
                    gone.remove(transition.userID)
                } else if transition.isDeparture {
                    gone.insert(transition.userID)
                }
            }
        }
        if !newRooms.isEmpty { news.changed.formUnion(try SyncDeviceLists.users(next())) }
        if !leftRooms.isEmpty { gone.formUnion(try SyncDeviceLists.users(next())) }
        gone.remove(userID)
        guard !gone.isEmpty else { return news }
        let rows = try await query([SyncDeviceLists.readingRooms(userIDs: gone.sorted())])
        let shared = try SyncDeviceLists.rooms(rows[0])
        let mine = Set(keptRooms + newRooms)
        news.left = gone.filter { shared[$0]?.isDisjoint(with: mine) ?? true }
        news.changed.subtract(news.left)
        return news
    }
}

extension DeviceListReader {
    /// Sorts a user's rooms by what became of them after the token.
    init(
        userID: String, since: StreamToken, now: StreamToken,
        memberships: [SyncMemberships.Membership], history: [String: [SyncMemberships.Past]]
    ) {
        let joined = memberships.filter { $0.membership == "join" }.map(\.roomID)
        // A room without history has not changed since the token.
        let former = Set(
            history.filter { _, past in
                past.last { $0.streamOrdering <= since.room }?.membership == "join"
            }.keys)
        self.init(
            userID: userID, since: since, now: now,
            keptRooms: joined.filter { history[$0] == nil || former.contains($0) },
            newRooms: joined.filter { history[$0] != nil && !former.contains($0) },
            leftRooms: former.subtracting(joined).sorted())
    }
}

extension EncryptionService {
    /// Whose keys a user has to look at again after a token, and whose it need not watch any more.
    public func changes(
        for userID: String, since: StreamToken, upTo now: StreamToken, on loop: isolated EventLoop
    ) async throws -> DeviceListNews {
        let results = try await pool.queryAll(
            [
                SyncMemberships.reading(userID: userID, at: now.room),
                SyncMemberships.readingHistory(
                    userID: userID, changedAfter: since.room, upTo: now.room),
            ], on: loop)
        let reader = DeviceListReader(
            userID: userID, since: since, now: now,
            memberships: try SyncMemberships.memberships(results[0]),
            history: try SyncMemberships.history(results[1]))
        let pool = pool
        let statements = reader.statements
        let found = statements.isEmpty ? [] : try await pool.queryAll(statements, on: loop)
        return try await reader.news(found, on: loop) { statements in
            try await pool.queryAll(statements, on: loop)
        }
    }
}

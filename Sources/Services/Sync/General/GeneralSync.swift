import JSON
import Matrix
import Postgres
import Reactor
import Storage

/// One answer computed from the database, as of a position that the process has reached.
///
/// Up to four round trips, each a fixed set of statements: what belongs to the user; the timelines and receipts of
/// all rooms; if the user was not always there, the rooms' history visibility; the state that the timelines need.
/// Everything that can be newer than `now` in the tables is left out, so that it is news next time.
struct GeneralSync {
    /// What came out.
    struct Result {
        /// The answer; nil if there is nothing to tell.
        var answer: SyncAnswer?
        var nextBatch: StreamToken
        /// All joined rooms, whatever the filter says.
        var joinedRooms: [String]
        var ignored: Set<String>
        /// How many keys the asking device has left.
        var keys: KeyCountsText?
    }

    struct Personal {
        var memberships: [SyncMemberships.Membership] = []
        var history: [String: [SyncMemberships.Past]] = [:]
        var ignored: Set<String> = []
        var accountData: [SyncPersonalData.AccountDatum] = []
        var tags: [SyncPersonalData.Tag] = []
        var people = GeneralPeople.Found()
        /// The text of `m.push_rules`, if it is news.
        var pushRules: [UInt8]?
    }

    let request: SyncRequest
    let now: StreamToken
    let engine: SyncEngine
    var rooms: [PlannedRoom] = []
    var stripped: [String: [SyncEvent]] = [:]
    /// What is told of events beside themselves, by event.
    var relations: [String: JSON] = [:]

    init(request: SyncRequest, now: StreamToken, engine: SyncEngine) {
        self.request = request
        self.now = now
        self.engine = engine
    }

    /// The client's token, or the beginning of everything.
    var low: StreamToken { request.since ?? StreamToken() }

    func run(on loop: isolated EventLoop) async throws -> Result {
        var copy = self
        return try await copy.compute(on: loop)
    }

    private mutating func compute(on loop: isolated EventLoop) async throws -> Result {
        var personal = try await readPersonal(on: loop)
        let planner = RoomPlanner(
            request: request, now: now, history: personal.history, ignored: personal.ignored)
        rooms = personal.memberships.compactMap(planner.plan)
        rooms.sort { $0.roomID < $1.roomID }
        try await readTimelines(ignored: personal.ignored, on: loop)
        try await cutToVisible(on: loop)
        try await readState(on: loop)
        try await readRelations(on: loop)
        try await readDataOfNewRooms(&personal, on: loop)
        addTyping()
        var rest = AnswerFrame.Rest()
        rest.accountData = addAccountData(personal)
        if let rules = personal.pushRules { rest.accountData.append(rules) }
        try await readUnread(on: loop)
        let people = GeneralPeople(sync: self)
        try await people.addDeviceLists(personal, to: &rest, on: loop)
        people.add(personal.people, to: &rest)
        var nextBatch = now
        if let since = request.since { nextBatch = now.merged(with: since) }
        if let last = people.lastMessage(personal.people) { nextBatch.toDevice = last }
        let isFirst = request.since == nil || request.fullState
        let body = GeneralAnswer(sync: self, rest: rest).write(
            nextBatch: nextBatch, evenIfEmpty: isFirst, time: engine.clock.now)
        if body != nil, !rest.toDevice.isEmpty {
            engine.sent(upTo: nextBatch.toDevice, to: request)
        }
        return Result(
            answer: body.map(answer), nextBatch: nextBatch,
            joinedRooms: personal.memberships.filter { $0.membership == "join" }.map(\.roomID),
            ignored: personal.ignored, keys: rest.keys)
    }

    private func answer(_ body: [UInt8]) -> SyncAnswer {
        var answer = SyncAnswer(body)
        answer.members = membersTold
        answer.bringsRooms = rooms.contains { $0.kind == .joined && !$0.isKnown }
        return answer
    }

    /// Reads what relates to the events of the timelines, where there is any.
    mutating func readRelations(on loop: isolated EventLoop) async throws {
        let related = rooms.flatMap(\.events).filter(\.hasRelations).map(\.eventID)
        guard !related.isEmpty else { return }
        let reader = AccessTokens.Owner(
            tokenID: 0, userID: request.userID, deviceID: request.deviceID, validUntil: nil,
            isGuest: false)
        let aggregations = Aggregations(
            reader: EventRelations.Reader(userID: request.userID, upTo: now.room),
            renderer: EventRenderer(reader: reader, now: engine.clock.now),
            cache: engine.eventCache, pool: engine.pool)
        let events = try await Events.events(related, in: engine.pool, on: loop)
        relations = try await aggregations.relations(of: events, on: loop)
    }

    private func readPersonal(on loop: isolated EventLoop) async throws -> Personal {
        let userID = request.userID
        var statements = [
            SyncMemberships.reading(userID: userID, at: now.room),
            SyncMemberships.readingHistory(
                userID: userID, changedAfter: low.room, upTo: now.room),
            SyncMemberships.readingIgnored(userID: userID),
        ]
        let hasAccountData = request.since == nil || low.accountData < now.accountData
        if hasAccountData {
            statements.append(
                SyncPersonalData.readingAccountData(
                    userID: userID, after: low.accountData, upTo: now.accountData))
            statements.append(
                SyncPersonalData.readingTags(
                    userID: userID, after: low.accountData, upTo: now.accountData))
        }
        let first = statements.count
        statements += pushRuleStatements
        let last = statements.count
        let people = GeneralPeople(sync: self)
        let generation = engine.keyGeneration
        let own = people.statements
        let results = try await query(statements + own.map(\.statement), on: loop)
        var personal = Personal()
        personal.people = try people.found(
            own, results.suffix(own.count), generation: generation)
        personal.pushRules = try pushRules(results[first..<last])
        personal.memberships = try SyncMemberships.memberships(results[0])
        personal.history = try SyncMemberships.history(results[1])
        personal.ignored = Set(try SyncMemberships.ignoredUsers(results[2]))
        if hasAccountData {
            personal.accountData = try SyncPersonalData.accountData(results[3])
            personal.tags = try SyncPersonalData.tags(results[4])
        }
        return personal
    }

    /// What the user had stored for rooms before joining them was not told then, so it is told with the room.
    private func readDataOfNewRooms(
        _ personal: inout Personal, on loop: isolated EventLoop
    ) async throws {
        let new = rooms.filter { $0.kind == .joined && !$0.isKnown }.map(\.roomID)
        guard request.since != nil, !new.isEmpty else { return }
        let results = try await query(
            [
                SyncPersonalData.readingAccountData(
                    userID: request.userID, roomIDs: new, upTo: now.accountData),
                SyncPersonalData.readingTags(
                    userID: request.userID, roomIDs: new, upTo: now.accountData),
            ], on: loop)
        personal.accountData.removeAll { $0.roomID.map(new.contains) ?? false }
        personal.tags.removeAll { new.contains($0.roomID) }
        personal.accountData += try SyncPersonalData.accountData(results[0])
        personal.tags += try SyncPersonalData.tags(results[1])
    }

    /// Sends statements in one round trip.
    func query(
        _ statements: [(Statement, [PostgresValue])], on loop: isolated EventLoop
    ) async throws -> [Rows] {
        if statements.isEmpty { return [] }
        engine.metrics.queries += statements.count
        return try await engine.pool.queryAll(statements, on: loop)
    }

    // MARK: What needs no database

    private mutating func addTyping() {
        let since = low.typing > now.typing ? -1 : low.typing
        for index in rooms.indices where rooms[index].kind == .joined {
            let isFresh = !rooms[index].isKnown
            let change = engine.typing.change(
                in: rooms[index].roomID, after: isFresh ? -1 : since)
            // That nobody types is no news to who has not heard that somebody does.
            if let change, !(isFresh && change.isEmpty),
                request.filter.showsEphemeral("m.typing", of: rooms[index].roomID)
            {
                rooms[index].typing = change
            }
        }
    }

    /// Hands each room its account data; returns the account's own.
    private mutating func addAccountData(_ personal: Personal) -> [[UInt8]] {
        var global: [[UInt8]] = []
        var ofRooms: [String: [[UInt8]]] = [:]
        for datum in personal.accountData {
            let text = Ephemera.accountData(type: datum.type, content: datum.content)
            if let roomID = datum.roomID {
                guard request.filter.showsAccountData(datum.type, of: roomID) else { continue }
                ofRooms[roomID, default: []].append(text)
            } else if request.filter.showsAccountData(datum.type) {
                global.append(text)
            }
        }
        for (roomID, tags) in Dictionary(grouping: personal.tags, by: \.roomID) {
            guard request.filter.showsAccountData("m.tag", of: roomID) else { continue }
            if request.since == nil, tags.allSatisfy({ $0.name == nil }) { continue }
            ofRooms[roomID, default: []].append(Ephemera.tags(tags))
        }
        let filter = request.filter.filter
        for index in rooms.indices where rooms[index].kind == .joined {
            rooms[index].accountData = SyncFilter.limited(
                ofRooms[rooms[index].roomID] ?? [], to: filter.room.accountData.limit)
        }
        return SyncFilter.limited(global, to: filter.accountData.limit)
    }
}

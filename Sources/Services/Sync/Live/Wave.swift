import Bytes
import Reactor
import ReplicationWire
import Storage

/// The work of one step: brings the index up to date and finds out who is told what.
///
/// `apply` runs without suspending, so nobody parks or leaves meanwhile, and the position moves together with everything
/// that depends on it.
struct Wave {
    let engine: SyncEngine
    let step: StreamStep
    let news: StepNews
    private let unread: StepUnread
    var sections: [LiveSection] = []
    private var places: [String: Int] = [:]
    private var touched: [TrackedUser] = []
    var head = SharedBytes([])
    /// The last answer that was put together, which the next client may want too.
    var last: LastAnswer?
    /// The texts of `m.presence` events.
    var presence: [[UInt8]] = []
    var tails: [WaveTail: SharedBytes] = [:]

    init(engine: SyncEngine, step: StreamStep, news: StepNews, unread: StepUnread) {
        self.unread = unread
        self.engine = engine
        self.step = step
        self.news = news
    }

    /// Brings the index up to date and returns whose clients are to be told, those of the smallest rooms first, who
    /// would wait longest behind a large one.
    mutating func apply(on loop: isolated EventLoop) -> [TrackedUser] {
        engine.position = step.position
        engine.waveNumber += 1
        engine.wakingNumber = engine.parkedNumber
        if step.hasGap || news.isLost { startAnew() }
        takeTyping()
        takeEventRows()
        takeReceipts()
        takeAccountData()
        takePushRules()
        takeToDevice()
        unread.apply(news, step, to: engine)
        renderEvents()
        for index in smallestFirst() { spread(index) }
        takeDeviceLists()
        takeTransitions()
        takePresence()
        if !touched.isEmpty { head = SharedBytes(AnswerFrame.head(nextBatch: engine.position)) }
        return touched
    }

    private func smallestFirst() -> [Int] {
        guard sections.count > 1 else { return Array(sections.indices) }
        let sizes = sections.map { engine.rooms[$0.roomID]?.users.count ?? 0 }
        return sections.indices.sorted { (sizes[$0], $0) < (sizes[$1], $1) }
    }

    /// Takes a user's clients out of the parking, with their answers. The caller may suspend between users:
    /// meanwhile nobody else answers those clients, see ``TrackedUser/isWaking``.
    mutating func deliveries(
        to user: TrackedUser, on loop: isolated EventLoop
    ) -> [SyncEngine.Delivery] {
        engine.unparkWaking(user, on: loop).map { client in
            var client = client
            let answer = answer(for: client, of: user)
            if answer == nil { lowerAccountData(&client.request, user) }
            return SyncEngine.Delivery(client: client, user: user, answer: answer)
        }
    }

    // MARK: Taking in

    /// Rows are missing: what the index knows is void, and everybody who waits is served from the database.
    private mutating func startAnew() {
        engine.recent = RecentChanges(
            floor: RecentChanges.Positions(step.position),
            roomsMax: engine.options.recentRoomsMax)
        engine.members.removeAll()
        engine.slidingFacts.removeAll()
        for user in engine.users.values {
            engine.unload(user)
            touch(user)
            user.waveIsGeneral = true
        }
    }

    private mutating func takeTyping() {
        if step.typingWasReset {
            for user in engine.users.values { user.last.typing = -1 }
            for roomID in engine.typing.reset(serial: step.position.typing) {
                section(of: roomID).typing = []
            }
        }
        for (roomID, change) in step.typing {
            engine.typing.set(change.userIDs, in: roomID, serial: change.serial)
            section(of: roomID).typing = change.userIDs
        }
    }

    private mutating func takeEventRows() {
        for row in step.events {
            engine.recent.note(\.room, in: row.roomID, at: step.position.room)
            let section = section(of: row.roomID)
            section.hasEventRows = true
            // Members move no room, and are told apart.
            if row.type != "m.room.member" { engine.slidingFacts.forget(row.roomID) }
            section.isComplete = news.rooms.contains(row.roomID)
            guard row.type == "m.room.member", let userID = row.stateKey,
                let user = engine.users[userID]
            else { continue }
            // Where the user may look has changed: the general path finds out.
            user.last.room = step.position.room
            engine.unload(user)
            touch(user)
            user.waveIsGeneral = true
        }
    }

    private mutating func takeReceipts() {
        for row in step.receipts {
            if row.type == "m.read.private" {
                // Also for users who are not here: they may come.
                engine.recent.note(\.receipt, in: row.roomID, at: step.position.receipt)
                guard let user = engine.users[row.userID] else { continue }
                user.last.receipt = step.position.receipt
                touch(user)
                user.waveIsGeneral = true
                continue
            }
            engine.recent.note(\.receipt, in: row.roomID, at: step.position.receipt)
            let section = section(of: row.roomID)
            section.hasReceiptRows = true
            guard let data = row.data else {
                section.isComplete = false
                continue
            }
            section.receipts.append(
                Ephemera.Receipt(
                    type: row.type, userID: row.userID, eventID: row.eventID,
                    data: Array(data.utf8), threadID: nil))
        }
    }

    private mutating func takeAccountData() {
        for change in step.accountData {
            guard let user = engine.users[change.userID] else { continue }
            user.last.accountData = step.position.accountData
            // Tells whom the user ignores, which the index remembers.
            if change.type == "m.ignored_user_list" { engine.unload(user) }
            touch(user)
            user.waveIsGeneral = true
        }
    }

    private mutating func takePushRules() {
        for userID in step.pushRules {
            guard let user = engine.users[userID] else { continue }
            user.last.pushRules = step.position.pushRules
            touch(user)
            user.waveIsGeneral = true
        }
    }

    /// Rows of account data and tags can arrive out of order with each other after a reconnection; the clients that
    /// wait are told from the lowest on.
    private func lowerAccountData(_ request: inout SyncRequest, _ user: TrackedUser) {
        let tokens = step.accountData.filter { $0.userID == user.userID }.map(\.token)
        guard let lowest = tokens.min(), let since = request.since else { return }
        request.since?.accountData = min(since.accountData, lowest - 1)
    }

    private mutating func renderEvents() {
        let time = engine.clock.now
        for summary in news.summaries {
            if let index = places[summary.roomID] { sections[index].summary = summary }
        }
        var starts: [Int: String] = [:]
        for event in news.events {
            guard let index = places[event.roomID] else { continue }
            guard let text = SyncEventText.render(event, now: time) else { continue }
            // What relates to an event already, not everybody may see.
            if event.hasRelations { sections[index].isComplete = false }
            sections[index].events.append(LiveSection.LiveEvent(text: text, event: event))
            if starts[index] == nil {
                starts[index] = RoomSection.previousBatch(
                    topological: event.topologicalOrdering, stream: event.streamOrdering)
            }
        }
        for index in sections.indices {
            sections[index].assemble(
                previousBatch: starts[index]
                    ?? RoomSection.previousBatch(at: engine.position.room), now: time)
            sections[index].members = news.members[sections[index].roomID]
            sections[index].speakers = news.speakers[sections[index].roomID] ?? []
        }
    }

    private mutating func section(of roomID: String) -> LiveSection {
        if let index = places[roomID] { return sections[index] }
        let section = LiveSection(roomID: roomID)
        places[roomID] = sections.count
        sections.append(section)
        return section
    }

    // MARK: Who is told

    mutating func touch(_ user: TrackedUser) {
        guard user.waveNumber != engine.waveNumber else { return }
        user.waveNumber = engine.waveNumber
        user.isWaking = true
        user.waveSections.removeAll(keepingCapacity: true)
        user.waveDeviceLists = DeviceListNews()
        user.wavePresence.removeAll(keepingCapacity: true)
        user.waveIsGeneral = false
        touched.append(user)
    }

    /// Notes with each member of the section's room that something happened.
    private mutating func spread(_ index: Int) {
        let section = sections[index]
        guard let room = engine.rooms[section.roomID] else { return }
        section.room = room
        let position = step.position
        let isNews = !section.isEmpty || !section.isComplete
        for user in room.users.values {
            if section.hasEventRows { user.last.room = position.room }
            if section.hasReceiptRows { user.last.receipt = position.receipt }
            if section.typing != nil { user.last.typing = engine.typing.serial(of: room.roomID) }
            guard isNews, !user.parked.isEmpty else { continue }
            touch(user)
            user.waveSections.append(index)
        }
    }
}

/// What an answer tells beside rooms.
struct WaveTail: Hashable {
    let keys: ObjectIdentifier
    let deviceLists: DeviceListNews
    let presence: [Int]
}

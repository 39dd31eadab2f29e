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
    private var sections: [LiveSection] = []
    private var places: [String: Int] = [:]
    private var touched: [TrackedUser] = []
    private var head = SharedBytes([])
    private var lastSections: [ToldSection] = []
    private var lastTail: SharedBytes?
    private var lastAnswer: SyncAnswer?
    /// The texts of `m.presence` events.
    var presence: [[UInt8]] = []
    private var tails: [WaveTail: SharedBytes] = [:]

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
                guard let user = engine.users[row.userID] else { continue }
                engine.recent.note(\.receipt, in: row.roomID, at: step.position.receipt)
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
            sections[index].events.append(
                LiveSection.LiveEvent(
                    text: text, sender: event.sender, isState: event.stateKey != nil,
                    transaction: event.transaction))
            if starts[index] == nil {
                starts[index] = RoomSection.previousBatch(
                    topological: event.topologicalOrdering, stream: event.streamOrdering)
            }
        }
        for index in sections.indices {
            sections[index].assemble(
                previousBatch: starts[index]
                    ?? RoomSection.previousBatch(at: engine.position.room))
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

    // MARK: Answers

    /// The answer for a client, or nil if it has to be computed.
    private mutating func answer(
        for client: ParkedClient, of user: TrackedUser
    ) -> SyncAnswer? {
        let request = client.request
        guard !user.waveIsGeneral, request.filter.isPlain, user.isLoaded,
            let keys = engine.keys(of: request, user), let tail = tail(for: request, user, keys)
        else { return nil }
        var isPersonal = false
        var told: [ToldSection] = []
        told.reserveCapacity(user.waveSections.count)
        for index in user.waveSections {
            let section = sections[index]
            guard section.isComplete, section.events.count <= request.filter.timelineLimit else {
                return nil
            }
            if !user.ignored.isEmpty, section.hasMessage(from: user.ignored) { return nil }
            guard let unread = section.room?.unread[ObjectIdentifier(user)]
            else { return nil }
            let text = UnreadText(unread, showsThreads: request.filter.showsUnreadThreads)
            told.append(ToldSection(index: index, unread: text))
            isPersonal = isPersonal || section.isPersonal(to: request)
        }
        if isPersonal { return pieces(for: told, tail, request) }
        if told.count == 1, tail === keys.tail { return soleAnswer(told[0], keys) }
        if let lastAnswer, told == lastSections, tail === lastTail { return lastAnswer }
        lastSections = told
        lastTail = tail
        lastAnswer = pieces(for: told, tail, nil)
        return lastAnswer
    }

    /// What follows the rooms: the same for all who are told the same; nil if there is nothing at all to tell.
    private mutating func tail(
        for request: SyncRequest, _ user: TrackedUser, _ keys: KeyCountsText
    ) -> SharedBytes? {
        let shown = request.filter.presence.passes("m.presence") ? user.wavePresence : []
        if shown.isEmpty, user.waveDeviceLists.isEmpty {
            return user.waveSections.isEmpty ? nil : keys.tail
        }
        let key = WaveTail(
            keys: ObjectIdentifier(keys), deviceLists: user.waveDeviceLists, presence: shown)
        if let tail = tails[key] { return tail }
        var rest = AnswerFrame.Rest()
        rest.keys = keys
        rest.deviceLists = user.waveDeviceLists
        rest.presence = shown.map { presence[$0] }
        let tail = SharedBytes(AnswerFrame.tail(rest))
        tails[key] = tail
        return tail
    }

    /// One piece for everybody for whom only this room is news, and who has as many keys left.
    private func soleAnswer(_ told: ToldSection, _ keys: KeyCountsText) -> SyncAnswer {
        let section = sections[told.index]
        let kind = LiveSection.SoleAnswer(keys: ObjectIdentifier(keys), unread: told.unread)
        if let answer = section.answers[kind] { return answer }
        var bytes: [UInt8] = []
        for piece in [head, section.shared(told.unread), keys.tail] {
            piece.bytes.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        let answer = SyncAnswer(bytes)
        section.answers[kind] = answer
        return answer
    }

    private func pieces(
        for told: [ToldSection], _ tail: SharedBytes, _ request: SyncRequest?
    ) -> SyncAnswer {
        var pieces = [head]
        pieces.reserveCapacity(told.count * 2 + 1)
        for (number, item) in told.enumerated() {
            if number > 0 { pieces.append(AnswerFrame.comma) }
            let section = sections[item.index]
            if let request, section.isPersonal(to: request) {
                pieces.append(section.personal(to: request, item.unread))
            } else {
                pieces.append(section.shared(item.unread))
            }
        }
        pieces.append(tail)
        return SyncAnswer(pieces)
    }
}

/// A section of an answer, as it reads for who has so much unread.
struct ToldSection: Hashable {
    let index: Int
    let unread: UnreadText
}

/// What an answer tells beside rooms.
struct WaveTail: Hashable {
    let keys: ObjectIdentifier
    let deviceLists: DeviceListNews
    let presence: [Int]
}

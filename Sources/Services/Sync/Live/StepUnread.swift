import ReplicationWire
import Storage

/// Keeps what is unread in memory as a step's rows come in: counts of members who wait are read once, with the first
/// event after they came, and from then on follow what push actions say of each event.
struct StepUnread {
    /// Whose counts are read from the tables, by room.
    private(set) var pairs: [(userID: String, roomID: String)] = []
    /// Rooms where somebody's event was taken back: counts that are not read anew are void.
    private var shrunk: Set<String> = []
    /// Who set receipts, by room.
    private var readers: [String: Set<String>] = [:]

    /// Looks for those whose counts cannot be told from what is in memory.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - tracked: The rooms in the index.
    ///   - rooms: The rooms whose events are read.
    ///   - users: The users in the index.
    init(
        _ step: StreamStep, tracked: [String: TrackedRoom], rooms: Set<String>,
        users: [String: TrackedUser]
    ) {
        for row in step.events where row.type == "m.room.redaction" { shrunk.insert(row.roomID) }
        for row in step.receipts where users[row.userID] != nil {
            readers[row.roomID, default: []].insert(row.userID)
        }
        let busy = rooms.union(step.receipts.map(\.roomID)).union(step.typing.keys)
        for roomID in busy {
            guard let room = tracked[roomID] else { continue }
            let isShrunk = shrunk.contains(roomID)
            for (id, user) in room.users where !user.parked.isEmpty {
                let known = room.unread[id]
                let hasRead =
                    readers[roomID]?.contains(user.userID) == true
                    && !(known?.isZero == true && !rooms.contains(roomID))
                if known == nil || isShrunk || hasRead { pairs.append((user.userID, roomID)) }
            }
        }
    }

    /// Brings the counts up to date. After the step's memberships were taken in.
    func apply(_ news: StepNews, _ step: StreamStep, to engine: SyncEngine) {
        let senders = Dictionary(
            news.events.map { ($0.streamOrdering, $0) }, uniquingKeysWith: { first, _ in first })
        let actions = Dictionary(grouping: news.pushActions, by: \.streamOrdering)
        for roomID in Set(step.events.map(\.roomID)) where !news.rooms.contains(roomID) {
            engine.rooms[roomID]?.unread.removeAll()
        }
        for (place, event) in senders.sorted(by: { $0.key < $1.key }) {
            guard let room = engine.rooms[event.roomID], !room.unread.isEmpty else { continue }
            take(event, actions[place] ?? [], in: room)
        }
        forget(in: engine)
        let read = news.unread.byRoomAndUser()
        for (userID, roomID) in pairs {
            guard news.hasUnread, let user = engine.users[userID],
                let room = engine.rooms[roomID], room.users[ObjectIdentifier(user)] != nil
            else { continue }
            room.unread[ObjectIdentifier(user)] = read[roomID]?[userID] ?? Unread()
        }
    }

    /// Drops counts that went down without anybody counting.
    private func forget(in engine: SyncEngine) {
        for roomID in shrunk { engine.rooms[roomID]?.unread.removeAll() }
        for (roomID, userIDs) in readers {
            guard let room = engine.rooms[roomID] else { continue }
            for userID in userIDs {
                guard let user = engine.users[userID] else { continue }
                let id = ObjectIdentifier(user)
                if room.unread[id]?.isZero == false { room.unread[id] = nil }
            }
        }
    }

    /// Counts one event.
    private func take(_ event: SyncEvent, _ actions: [UnreadCounts.Action], in room: TrackedRoom) {
        var common: UnreadCounts.Action?
        var own: [String: UnreadCounts.Action] = [:]
        for action in actions where action.roomID == room.roomID {
            if let userID = action.userID { own[userID] = action } else { common = action }
        }
        let thread = common?.threadID ?? own.values.first?.threadID
        for (id, user) in room.users {
            guard room.unread[id] != nil else { continue }
            if user.userID == event.sender {
                guard event.stateKey == nil, event.type != "m.room.redaction" else { continue }
                if let thread {
                    room.unread[id]?.clear(thread)
                } else if room.unread[id]?.isZero == false {
                    // Which thread it was, the tables know.
                    room.unread[id] = nil
                }
            } else if let action = own[user.userID] ?? common, action.notifies {
                room.unread[id]?.add(
                    notifications: 1, highlights: action.highlights ? 1 : 0, in: action.threadID)
            }
        }
    }
}

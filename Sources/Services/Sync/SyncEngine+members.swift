import Postgres
import Reactor
import ReplicationWire
import Storage

extension SyncEngine {
    /// What the asking device has been told of members, if it wants to be told of as few as possible.
    func toldMembers(of request: SyncRequest, _ user: TrackedUser) -> ToldMembers? {
        guard request.filter.lazyLoadsMembers, !request.filter.includesRedundantMembers,
            let deviceID = request.deviceID
        else { return nil }
        return user.told[deviceID]
    }

    func openToldMembers(of request: SyncRequest, _ user: TrackedUser) {
        guard request.filter.lazyLoadsMembers else { return }
        hasLazyUsers = true
        guard !request.filter.includesRedundantMembers, let deviceID = request.deviceID
        else { return }
        let told = user.told[deviceID] ?? ToldMembers()
        user.told[deviceID] = told
        told.asked(since: request.since)
    }
}

extension SyncEngine {
    /// What a step changes is not remembered any longer.
    func forgetMembers(changedBy step: StreamStep) {
        guard hasLazyUsers else { return }
        for row in step.events {
            if row.redacts != nil { members.forget(room: row.roomID) }
            if row.type == "m.room.member", let userID = row.stateKey {
                members.forget(userID, in: row.roomID)
            }
        }
    }

    /// Reads the members that clients may have to be told of with a step's events, as they were before it. Usually
    /// they are remembered.
    func readMembers(
        _ news: inout StepNews, of step: StreamStep, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        var asked: [String: [String]] = [:]
        for (roomID, events) in Dictionary(grouping: news.events, by: \.roomID) {
            var senders = TimelineSenders()
            for event in events {
                senders.add(sender: event.sender, type: event.type, stateKey: event.stateKey)
            }
            asked[roomID] = senders.users
            news.speakers[roomID] = Set(senders.users)
        }
        for summary in news.summaries {
            for userID in summary.first + summary.gone
            where asked[summary.roomID]?.contains(userID) == false {
                asked[summary.roomID]?.append(userID)
            }
        }
        var unknown: [(moment: SyncRoomState.Moment, userID: String)] = []
        for (roomID, users) in asked {
            let moment = SyncRoomState.Moment(roomID: roomID, position: step.start.room)
            for userID in users where members.event(of: userID, in: roomID) == nil {
                unknown.append((moment, userID))
            }
        }
        var read: [String: [String: SyncEvent]] = [:]
        if !unknown.isEmpty {
            let (statement, parameters) = SyncRoomState.readingMembers(unknown)
            metrics.queries += 1
            let rows = try await pool.query(statement, parameters, on: loop)
            for event in try SyncRoomState.events(rows) {
                read[event.roomID, default: [:]][event.stateKey ?? ""] = event
            }
            remember(unknown, read, after: step)
        }
        for (roomID, users) in asked {
            news.members[roomID] =
                users.compactMap { userID in
                    if let event = read[roomID]?[userID] { return event }
                    return members.event(of: userID, in: roomID).flatMap { $0 }
                }.sorted { $0.streamOrdering < $1.streamOrdering }
        }
    }

    /// Remembers what was read, but for what the step replaces.
    private func remember(
        _ asked: [(moment: SyncRoomState.Moment, userID: String)],
        _ read: [String: [String: SyncEvent]], after step: StreamStep
    ) {
        var changed: Set<[String]> = []
        for row in step.events where row.type == "m.room.member" {
            if let userID = row.stateKey { changed.insert([row.roomID, userID]) }
        }
        let redacted = Set(step.events.filter { $0.redacts != nil }.map(\.roomID))
        for (moment, userID) in asked
        where !changed.contains([moment.roomID, userID]) && !redacted.contains(moment.roomID) {
            members.insert(read[moment.roomID]?[userID], of: userID, in: moment.roomID)
        }
    }
}

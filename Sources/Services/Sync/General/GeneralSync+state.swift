import Postgres
import Reactor
import Storage

extension GeneralSync {
    /// What of the state a room's section has to tell.
    private enum Need {
        /// All of it at the moment; of members only those asked for, if the filter says so.
        case whole(SyncRoomState.Moment)
        /// What changed in the window.
        case changes(SyncTimelines.Window)
        case nothing
    }

    /// Whether what changes the state is told beside the timeline even if it is shown there too.
    private var tellsStateAfter: Bool { request.stateKind != .before }

    /// The position at which a room's state is told.
    private func moment(of room: PlannedRoom) -> Int64 {
        // State that a filter keeps out of the timeline is told beside it.
        tellsStateAfter || request.filter.hidesEvents ? room.window.upTo : room.stateMoment
    }

    private func need(of room: PlannedRoom) -> Need {
        guard room.kind == .joined || room.kind == .left,
            request.filter.showsState(of: room.roomID)
        else { return .nothing }
        let moment = moment(of: room)
        if tellsAll(room) {
            return .whole(SyncRoomState.Moment(roomID: room.roomID, position: moment))
        }
        guard room.isLimited || request.filter.hidesEvents || tellsStateAfter,
            room.window.after < moment, mayHaveEvents(room)
        else { return .nothing }
        return .changes(
            SyncTimelines.Window(
                roomID: room.roomID, after: room.window.after, upTo: moment))
    }

    private func tellsAll(_ room: PlannedRoom) -> Bool {
        !room.isKnown || request.fullState && room.kind == .joined
    }

    /// Reads the state that the client lacks where the timelines begin, or end, and summaries where members changed.
    mutating func readState(on loop: isolated EventLoop) async throws {
        let isLazy = request.filter.lazyLoadsMembers
        var moments: [SyncRoomState.Moment] = []
        var windows: [SyncTimelines.Window] = []
        var counted: [String] = []
        for room in rooms {
            let need = need(of: room)
            switch need {
            case .whole(let moment): moments.append(moment)
            case .changes(let window): windows.append(window)
            case .nothing: break
            }
            guard room.kind == .joined else { continue }
            if case .changes = need {
                counted.append(room.roomID)
            } else if tellsAll(room) || room.events.contains(where: \.isMember) {
                counted.append(room.roomID)
            }
        }
        let conditions = request.filter.state
        var statements: [(Statement, [PostgresValue])] = []
        if !moments.isEmpty {
            statements.append(
                SyncRoomState.reading(moments, withMembers: !isLazy, conditions: conditions))
        }
        if !windows.isEmpty {
            statements.append(SyncRoomState.readingChanges(windows, conditions: conditions))
        }
        if !counted.isEmpty {
            statements.append(SyncRoomState.readingSummaries(roomIDs: counted))
        }
        var results = try await query(statements, on: loop)
        let summaries =
            counted.isEmpty ? [] : try results.popLast().map(SyncRoomState.summaries) ?? []
        let state = try results.flatMap(SyncRoomState.events)
        let byRoom = Dictionary(grouping: state, by: \.roomID)
        for index in rooms.indices { rooms[index].state = byRoom[rooms[index].roomID] ?? [] }
        take(summaries)
        if isLazy { try await readMembers(on: loop) }
        removeShown()
    }

    /// Numbers of members are told where they may have changed.
    private mutating func take(_ summaries: [SyncRoomState.Summary]) {
        let byRoom = Dictionary(summaries.map { ($0.roomID, $0) }) { first, _ in first }
        for index in rooms.indices where rooms[index].kind == .joined {
            let room = rooms[index]
            guard let summary = byRoom[room.roomID] else { continue }
            if tellsAll(room) || room.events.contains(where: \.isMember)
                || room.state.contains(where: \.isMember)
            {
                rooms[index].summary = RoomSection.Summary(summary, for: request.userID)
            }
        }
    }

    /// Adds the members that the client needs to show who speaks, and to name rooms.
    private mutating func readMembers(on loop: isolated EventLoop) async throws {
        var asked: [(moment: SyncRoomState.Moment, userID: String)] = []
        for room in rooms where room.kind == .joined || room.kind == .left {
            guard request.filter.showsState(of: room.roomID) else { continue }
            let moment = SyncRoomState.Moment(roomID: room.roomID, position: moment(of: room))
            for userID in membersNeeded(in: room) { asked.append((moment, userID)) }
        }
        guard !asked.isEmpty else { return }
        let rows = try await query(
            [SyncRoomState.readingMembers(asked, conditions: request.filter.state)], on: loop)
        let told = engine.users[request.userID].flatMap {
            engine.toldMembers(of: request, $0)
        }
        let members = Dictionary(grouping: try SyncRoomState.events(rows[0]), by: \.roomID)
        for index in rooms.indices {
            guard var found = members[rooms[index].roomID] else { continue }
            if !tellsAll(rooms[index]), let told {
                found.removeAll { told.knows($0.eventID) }
            }
            let known = Set(rooms[index].state.map(\.eventID))
            rooms[index].state += found.filter { !known.contains($0.eventID) }
            rooms[index].state.sort { $0.streamOrdering < $1.streamOrdering }
        }
    }

    private func membersNeeded(in room: PlannedRoom) -> [String] {
        var senders = TimelineSenders()
        for event in room.events {
            // Who wants the state after the timeline does not take any from it.
            let stateKey = tellsStateAfter ? nil : event.stateKey
            senders.add(sender: event.sender, type: event.type, stateKey: stateKey)
        }
        var users = senders.users
        var others = room.summary?.heroes ?? []
        if tellsAll(room) { others.append(request.userID) }
        for userID in others where !users.contains(userID) { users.append(userID) }
        return users
    }

    /// What the timeline shows is not told beside it, but for those who want to be told how the state is after it.
    private mutating func removeShown() {
        guard !tellsStateAfter else { return }
        for index in rooms.indices {
            let shown = Set(rooms[index].events.map(\.eventID))
            rooms[index].state.removeAll { shown.contains($0.eventID) }
        }
    }

    /// The member events that the answer tells of.
    var membersTold: [String] {
        guard request.filter.lazyLoadsMembers else { return [] }
        return rooms.flatMap { room in
            (room.state + room.events).filter(\.isMember).map(\.eventID)
        }
    }
}

extension SyncEvent {
    /// Whether it says that somebody is, or is not, a member.
    var isMember: Bool { type == "m.room.member" && stateKey != nil }
}

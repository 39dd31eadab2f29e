import Postgres
import Reactor
import Storage

/// State: all that is wanted of rooms that are new to the client, and what changed of others.
extension SlidingSync {
    mutating func readState(on loop: isolated EventLoop) async throws {
        let shown = sections.values.filter {
            $0.planned.kind == .joined || $0.planned.kind == .left
        }
        guard !shown.isEmpty else { return }
        var whole: [SyncRoomState.Moment] = []
        var withMembers: [SyncRoomState.Moment] = []
        var windows: [SyncTimelines.Window] = []
        for section in shown {
            let moment = SyncRoomState.Moment(
                roomID: section.target.roomID, position: section.planned.window.upTo)
            if let since = section.target.since, !section.target.wantsMoreState {
                guard since.room < moment.position else { continue }
                windows.append(
                    SyncTimelines.Window(
                        roomID: moment.roomID, after: since.room, upTo: moment.position))
            } else if section.target.configuration.requiredState.wantsAllMembers {
                withMembers.append(moment)
            } else {
                whole.append(moment)
            }
        }
        let statements = stateStatements(whole, withMembers, windows)
        let summarized = shown.filter { $0.planned.kind == .joined }.map(\.target.roomID)
        let results = try await query(
            statements + [SyncRoomState.readingSummaries(roomIDs: summarized)], on: loop)
        for rows in results.dropLast() {
            for event in try SyncRoomState.events(rows) {
                sections[event.roomID]?.state.append(event)
            }
        }
        if let rows = results.last {
            for summary in try SyncRoomState.summaries(rows) {
                sections[summary.roomID]?.summary = summary
            }
        }
        try await readMembers(on: loop)
        for roomID in sections.keys { keepWanted(roomID) }
    }

    private func stateStatements(
        _ whole: [SyncRoomState.Moment], _ withMembers: [SyncRoomState.Moment],
        _ windows: [SyncTimelines.Window]
    ) -> [(Statement, [PostgresValue])] {
        var statements: [(Statement, [PostgresValue])] = []
        if !whole.isEmpty {
            var conditions = SyncRoomState.Conditions()
            let types = whole.map { sections[$0.roomID]?.target.configuration.requiredState.types }
            if types.allSatisfy({ $0 != nil }) {
                let all = Set(types.compactMap(\.self).flatMap(\.self))
                conditions.types = all.sorted().map(LikePattern.literal)
            }
            if conditions.types != [] {
                statements.append(
                    SyncRoomState.reading(whole, withMembers: false, conditions: conditions))
            }
        }
        if !withMembers.isEmpty {
            statements.append(SyncRoomState.reading(withMembers, conditions: .init()))
        }
        if !windows.isEmpty {
            statements.append(SyncRoomState.readingChanges(windows, conditions: .init()))
        }
        return statements
    }

    /// Reads the members who speak or are wanted by name, and those after whom rooms without a name are named.
    private mutating func readMembers(on loop: isolated EventLoop) async throws {
        var asked: [(moment: SyncRoomState.Moment, userID: String)] = []
        var heroes: [String: [String]] = [:]
        for (roomID, section) in sections {
            guard section.planned.kind == .joined || section.planned.kind == .left else { continue }
            let moment = SyncRoomState.Moment(
                roomID: roomID, position: section.planned.window.upTo)
            var users = Set(membersWanted(section))
            if section.target.room.facts.name == nil, let summary = section.summary,
                section.target.since == nil || section.state.contains(where: \.isMember)
            {
                heroes[roomID] = RoomSection.Summary(summary, for: userID).heroes
                users.formUnion(heroes[roomID] ?? [])
            }
            for user in users.sorted() { asked.append((moment, user)) }
        }
        guard !asked.isEmpty else { return }
        let rows = try await query([SyncRoomState.readingMembers(asked)], on: loop)
        for event in try SyncRoomState.events(rows[0]) {
            let user = event.stateKey ?? ""
            if heroes[event.roomID]?.contains(user) == true {
                sections[event.roomID]?.heroes.append(event)
            }
            guard let section = sections[event.roomID], membersWanted(section).contains(user),
                !section.state.contains(where: { $0.eventID == event.eventID })
            else { continue }
            sections[event.roomID]?.state.append(event)
        }
    }

    private func membersWanted(_ section: Section) -> [String] {
        let wanted = section.target.configuration.requiredState
        if wanted.wantsAllMembers { return [] }
        var users: [String] = []
        if section.target.since == nil || section.target.wantsMoreState {
            users += wanted.namedMembers(me: userID)
        }
        if wanted.isLazy {
            let told = section.target.sent?.members ?? []
            users += Set(section.planned.events.map(\.sender)).subtracting(told)
        }
        return users
    }

    /// Leaves out what the client does not want.
    private mutating func keepWanted(_ roomID: String) {
        guard let section = sections[roomID] else { return }
        let wanted = section.target.configuration.requiredState
        // Whoever was told because of having spoken is told of again when the membership changes.
        let speakers = Set(section.planned.events.map(\.sender))
            .union(section.target.sent?.members ?? [])
        var state = section.state.filter { event in
            wanted.wants(
                type: event.type, key: event.stateKey ?? "", me: userID, speakers: speakers)
        }
        state.sort { $0.streamOrdering < $1.streamOrdering }
        sections[roomID]?.state = state
    }
}

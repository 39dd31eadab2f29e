import JSON
import Postgres
import Reactor
import Storage

/// Timelines: what happened in each room since the client last heard of it.
extension SlidingSync {
    /// The most reads of timelines at once; rooms that want different numbers of events are read apart.
    private static let groupsMax = 4

    mutating func readTimelines(on loop: isolated EventLoop) async throws {
        let changed = targets.values.filter(mayHaveNews)
        guard !changed.isEmpty else { return }
        let low = changed.map { $0.isExpanded ? 0 : $0.since?.room ?? 0 }.min() ?? 0
        let rows = try await query(
            [
                SyncMemberships.readingHistory(
                    userID: userID, changedAfter: low, upTo: now.room)
            ], on: loop)
        let history = try SyncMemberships.history(rows[0])
        var planned = changed.map { (target: $0, room: plan($0, history)) }
        planned.sort { $0.target.roomID < $1.target.roomID }
        let limits = Set(planned.map(\.target.configuration.timelineLimit)).sorted()
        for group in Self.groups(limits) {
            let members = planned.filter {
                group.contains($0.target.configuration.timelineLimit)
            }
            try await readGroup(members, limit: group.upperBound, on: loop)
        }
    }

    /// Ranges of numbers of events, so that each number is in one and there are not too many.
    private static func groups(_ limits: [Int]) -> [ClosedRange<Int>] {
        guard limits.count > groupsMax, let last = limits.last else {
            return limits.map { $0...$0 }
        }
        return limits.prefix(groupsMax - 1).map { $0...$0 } + [limits[groupsMax - 1]...last]
    }

    /// Whether anything may have to be told of a room.
    private func mayHaveNews(_ target: Target) -> Bool {
        guard let since = target.since, !target.isExpanded, !target.wantsMoreState else {
            return true
        }
        if target.room.membership.streamOrdering > since.room { return true }
        guard target.room.membership.membership == "join" else { return false }
        let recent = engine.recent
        return recent.floor.room > since.room
            || recent.positions(of: target.roomID).room > since.room
    }

    private func plan(
        _ target: Target, _ history: [String: [SyncMemberships.Past]]
    ) -> PlannedRoom {
        let membership = target.room.membership
        let kind: PlannedRoom.Kind =
            switch membership.membership {
            case "join": .joined
            case "invite": .invited
            case "knock": .knocked
            default: .left
            }
        let hasLeft = kind == .left
        var after = target.isExpanded ? 0 : target.since?.room ?? 0
        if kind == .invited || kind == .knocked { after = now.room }
        let window = SyncTimelines.Window(
            roomID: target.roomID, after: after,
            upTo: hasLeft ? membership.streamOrdering : now.room)
        let past = history[target.roomID]
        return PlannedRoom(
            kind: kind, membership: membership, window: window, isKnown: target.sent != nil,
            access: past.map { HistoryAccess(userID: userID, past: $0) })
    }

    private mutating func readGroup(
        _ members: [(target: Target, room: PlannedRoom)], limit: Int, on loop: isolated EventLoop
    ) async throws {
        var request = request
        request.filter = try SyncFilter([
            "room": [
                "timeline": ["limit": .integer(Int64(limit))],
                // Receipts come with an extension.
                "ephemeral": ["types": []],
            ]
        ])
        var general = GeneralSync(request: request, now: now, engine: engine)
        general.rooms = members.map(\.room)
        try await general.readTimelines(ignored: personal.ignored, on: loop)
        try await general.cutToVisible(on: loop)
        for index in general.rooms.indices { shorten(&general.rooms[index], members[index].target) }
        try await general.readRelations(on: loop)
        relations.merge(general.relations) { $1 }
        for (room, member) in zip(general.rooms, members) {
            let stripped = general.stripped[room.roomID] ?? []
            let isTold = isTold(room, member.target)
            guard isTold else { continue }
            sections[room.roomID] = Section(
                target: member.target, planned: room, stripped: stripped)
        }
    }

    /// Leaves the newest events if more were read than this room wants.
    private func shorten(_ room: inout PlannedRoom, _ target: Target) {
        let limit = target.configuration.timelineLimit
        guard room.events.count > limit else { return }
        room.events = Array(room.events.suffix(limit))
        room.isLimited = true
    }

    private func isTold(_ room: PlannedRoom, _ target: Target) -> Bool {
        guard let since = target.since, !target.isExpanded, !target.wantsMoreState else {
            return true
        }
        // With a limit of 0 a room without events that are shown is limited.
        return !room.events.isEmpty || room.isLimited
            || target.room.membership.streamOrdering > since.room
    }
}

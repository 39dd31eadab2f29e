import Postgres
import Reactor
import Storage

extension GeneralSync {
    /// Reads timelines, receipts and what invitations show, in one round trip.
    mutating func readTimelines(ignored: Set<String>, on loop: isolated EventLoop) async throws {
        let limit = request.filter.timelineLimit
        let windows = rooms.filter {
            mayHaveEvents($0) && request.filter.showsTimeline(of: $0.roomID)
        }.map(\.window)
        let receiptRooms = rooms.compactMap(receiptStart)
        let pending = rooms.filter { $0.kind == .invited || $0.kind == .knocked }
        var conditions = request.filter.timeline
        conditions.ignoredUsers = Array(ignored)

        var statements: [(Statement, [PostgresValue])] = []
        var uses: [Use] = []
        if !windows.isEmpty {
            // One more than shown tells whether there are more.
            statements.append(
                SyncTimelines.reading(windows, limit: limit + 1, conditions: conditions))
            uses.append(.timelines)
        }
        if !receiptRooms.isEmpty {
            statements.append(
                SyncPersonalData.readingReceipts(
                    rooms: receiptRooms, upTo: now.receipt, userID: request.userID))
            uses.append(.receipts)
        }
        if !pending.isEmpty {
            statements.append(SyncRoomState.readingStripped(pending.map(\.membership)))
            uses.append(.stripped)
        }
        let results = try await query(statements, on: loop)
        for (use, rows) in zip(uses, results) {
            switch use {
            case .timelines: try take(timelines: rows, limit: limit)
            case .receipts: try take(receipts: rows)
            case .stripped:
                stripped = Dictionary(
                    grouping: try SyncRoomState.events(rows), by: \.roomID)
            }
        }
    }

    private enum Use {
        case timelines, receipts, stripped
    }

    func mayHaveEvents(_ room: PlannedRoom) -> Bool {
        guard room.window.after < room.window.upTo else { return false }
        // Rooms that the user stays in are left out if nothing happened there, as far as that is known.
        guard room.access == nil, room.kind == .joined else { return true }
        let recent = engine.recent
        return recent.floor.room > room.window.after
            || recent.positions(of: room.roomID).room > room.window.after
    }

    /// From where to read a room's receipts.
    private func receiptStart(_ room: PlannedRoom) -> (roomID: String, after: Int64)? {
        guard room.kind == .joined, request.filter.showsEphemeral("m.receipt", of: room.roomID)
        else { return nil }
        guard room.isKnown else { return (room.roomID, 0) }
        guard low.receipt < now.receipt else { return nil }
        let recent = engine.recent
        guard
            recent.floor.receipt > low.receipt
                || recent.positions(of: room.roomID).receipt > low.receipt
        else { return nil }
        return (room.roomID, low.receipt)
    }

    private mutating func take(timelines rows: Rows, limit: Int) throws {
        let events = Dictionary(grouping: try SyncTimelines.events(rows), by: \.roomID)
        for index in rooms.indices {
            guard let all = events[rooms[index].roomID] else { continue }
            rooms[index].events = Array(all.suffix(limit))
            if all.count > limit { rooms[index].isLimited = true }
        }
    }

    private mutating func take(receipts rows: Rows) throws {
        let receipts = Dictionary(
            grouping: try SyncPersonalData.receipts(rows), by: \.roomID)
        for index in rooms.indices {
            guard let all = receipts[rooms[index].roomID] else { continue }
            rooms[index].receipts = all.map {
                Ephemera.Receipt(
                    type: $0.type, userID: $0.userID, eventID: $0.eventID, data: $0.data,
                    threadID: $0.threadID)
            }
        }
    }

    /// Takes away what the user may not see, asking for the rooms' history visibility only where it matters.
    mutating func cutToVisible(on loop: isolated EventLoop) async throws {
        let doubtful = rooms.indices.filter { index in
            rooms[index].access?.isMember(throughout: rooms[index].events) == false
        }
        guard !doubtful.isEmpty else { return }
        let rows = try await query(
            [
                SyncRoomState.readingVisibility(
                    roomIDs: doubtful.map { rooms[$0].roomID }, upTo: now.room)
            ], on: loop)
        let visibilities = try SyncRoomState.visibilities(rows[0])
        for index in doubtful {
            guard var access = rooms[index].access else { continue }
            access.set(visibilities[rooms[index].roomID] ?? [])
            let visible = access.visibleEnd(of: rooms[index].events)
            if visible.count < rooms[index].events.count {
                rooms[index].events = Array(visible)
                rooms[index].isLimited = true
            }
        }
    }
}

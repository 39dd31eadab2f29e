import JSON
import Postgres
import Reactor
import Storage

/// What is told beside rooms.
extension SlidingSync {
    /// The texts of what extensions tell; nil where they were not asked.
    struct Extensions {
        var toDevice: (messages: [[UInt8]], nextBatch: Int64)?
        var keys: KeyCountsText?
        var deviceLists: DeviceListNews?
        var globalData: [[UInt8]]?
        var roomData: [String: [[UInt8]]] = [:]
        var receipts: [String: [UInt8]]?
        var typing: [String: [UInt8]]?

        /// Up to where messages were told.
        var toDeviceUpTo: Int64? { toDevice?.nextBatch }

        var hasNews: Bool {
            toDevice?.messages.isEmpty == false || deviceLists?.isEmpty == false
                || globalData?.isEmpty == false || !roomData.isEmpty
                || receipts?.isEmpty == false || typing?.isEmpty == false
        }
    }

    func extensions(on loop: isolated EventLoop) async throws -> Extensions {
        var found = Extensions()
        try await readMessages(&found, on: loop)
        try await readKeys(&found, on: loop)
        try await readAccountData(&found, on: loop)
        try await readReceipts(&found, on: loop)
        addTyping(&found)
        return found
    }

    /// The rooms of which an extension tells.
    private func rooms(of scope: SlidingRequest.Scope) -> [Target] {
        targets.values.filter { target in
            guard target.room.membership.membership == "join" else { return false }
            let isSubscribed = asked.subscriptions[target.roomID] != nil
            if isSubscribed, scope.rooms?.contains(target.roomID) ?? true { return true }
            return asked.lists.contains { name, list in
                guard scope.lists?.contains(name) ?? true,
                    let index = lists[name]?.firstIndex(of: target.roomID)
                else { return false }
                return list.ranges.contains { $0.contains(index) }
            }
        }.sorted { $0.roomID < $1.roomID }
    }

    private func readMessages(
        _ found: inout Extensions, on loop: isolated EventLoop
    ) async throws {
        guard let asked = asked.extensions.toDevice else { return }
        guard let deviceID = request.deviceID, asked.since < now.toDevice else {
            found.toDevice = ([], max(asked.since, now.toDevice))
            return
        }
        var statements: [(Statement, [PostgresValue])] = []
        if asked.since > 0 {
            statements.append(
                DeviceInbox.deleting(userID: userID, deviceID: deviceID, upTo: asked.since))
        }
        statements.append(
            DeviceInbox.reading(
                userID: userID, deviceID: deviceID, after: asked.since, upTo: now.toDevice,
                limit: asked.limit))
        let results = try await query(statements, on: loop)
        let messages = try results.last.map { rows in try DeviceInbox.messages(rows) } ?? []
        let isAll = messages.count < asked.limit
        let last = isAll ? now.toDevice : messages.last?.streamID ?? now.toDevice
        found.toDevice = (messages.map(\.json), last)
    }

    private func readKeys(_ found: inout Extensions, on loop: isolated EventLoop) async throws {
        guard asked.extensions.tellsKeys else { return }
        if let deviceID = request.deviceID {
            if let user = engine.users[userID], let text = engine.keys(of: request, user) {
                found.keys = text
            } else {
                let generation = engine.keyGeneration
                let rows = try await query(
                    OneTimeKeys.readingCounts(userID: userID, deviceID: deviceID), on: loop)
                found.keys = engine.note(
                    try KeyCounts(rows), of: request, generation: generation)
            }
        }
        guard let known else {
            found.deviceLists = DeviceListNews()
            return
        }
        let rows = try await query(
            [
                SyncMemberships.readingHistory(
                    userID: userID, changedAfter: known.token.room, upTo: now.room)
            ], on: loop)
        let reader = DeviceListReader(
            userID: userID, since: known.token, now: now, memberships: personal.memberships,
            history: try SyncMemberships.history(rows[0]))
        let results = try await query(reader.statements, on: loop)
        found.deviceLists = try await reader.news(results, on: loop) { statements in
            try await query(statements, on: loop)
        }
    }

    private func readAccountData(
        _ found: inout Extensions, on loop: isolated EventLoop
    ) async throws {
        guard let scope = asked.extensions.accountData else { return }
        let after = known?.token.accountData ?? 0
        let fresh = rooms(of: scope).filter { $0.since == nil || $0.sent?.upTo != nil }
            .map(\.roomID)
        let live = Set(rooms(of: scope).map(\.roomID)).subtracting(fresh)
        var statements = [
            SyncPersonalData.readingAccountData(
                userID: userID, after: after, upTo: now.accountData),
            SyncPersonalData.readingTags(userID: userID, after: after, upTo: now.accountData),
        ]
        if !fresh.isEmpty {
            statements.append(
                SyncPersonalData.readingAccountData(
                    userID: userID, roomIDs: fresh, upTo: now.accountData))
            statements.append(
                SyncPersonalData.readingTags(
                    userID: userID, roomIDs: fresh, upTo: now.accountData))
        }
        let results = try await query(statements, on: loop)
        var data = try SyncPersonalData.accountData(results[0])
            .filter { $0.roomID.map(live.contains) ?? true }
        var tags = try SyncPersonalData.tags(results[1]).filter { live.contains($0.roomID) }
        if !fresh.isEmpty {
            data += try SyncPersonalData.accountData(results[2])
            tags += try SyncPersonalData.tags(results[3])
        }
        found.globalData = []
        for datum in data {
            let text = Ephemera.accountData(type: datum.type, content: datum.content)
            if let roomID = datum.roomID {
                found.roomData[roomID, default: []].append(text)
            } else {
                found.globalData?.append(text)
            }
        }
        for (roomID, tags) in Dictionary(grouping: tags, by: \.roomID) {
            found.roomData[roomID, default: []].append(Ephemera.tags(tags))
        }
    }

    private func readReceipts(
        _ found: inout Extensions, on loop: isolated EventLoop
    ) async throws {
        guard let scope = asked.extensions.receipts else { return }
        found.receipts = [:]
        let rooms = rooms(of: scope).compactMap { target -> (roomID: String, after: Int64)? in
            guard let since = target.since else {
                // Of a room that is new to the client only if it is told at all.
                return sections[target.roomID] == nil ? nil : (target.roomID, 0)
            }
            return since.receipt < now.receipt ? (target.roomID, since.receipt) : nil
        }
        guard !rooms.isEmpty else { return }
        let rows = try await query(
            [
                SyncPersonalData.readingReceipts(
                    rooms: rooms, upTo: now.receipt, userID: userID)
            ], on: loop)
        let byRoom = Dictionary(
            grouping: try SyncPersonalData.receipts(rows[0]), by: \.roomID)
        for (roomID, all) in byRoom {
            // Of new rooms: what concerns the events shown, and the user's own.
            let shown: Set<String>? =
                targets[roomID]?.since == nil
                ? Set(sections[roomID]?.planned.events.map(\.eventID) ?? []) : nil
            let told = all.filter {
                $0.userID == userID || shown?.contains($0.eventID) ?? true
            }
            found.receipts?[roomID] = Ephemera.receipts(
                told.map {
                    Ephemera.Receipt(
                        type: $0.type, userID: $0.userID, eventID: $0.eventID, data: $0.data,
                        threadID: $0.threadID)
                })
        }
    }

    private func addTyping(_ found: inout Extensions) {
        guard let scope = asked.extensions.typing else { return }
        found.typing = [:]
        for target in rooms(of: scope) {
            let isFresh = target.since == nil
            var serial = target.since?.typing ?? -1
            // The serials start again with the main process.
            if serial > now.typing { serial = -1 }
            guard let users = engine.typing.change(in: target.roomID, after: serial),
                !(isFresh && users.isEmpty)
            else { continue }
            found.typing?[target.roomID] = Ephemera.typing(users)
        }
    }
}

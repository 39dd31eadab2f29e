import Matrix
import Postgres
import Reactor
import Storage

/// The part of a general answer that concerns people rather than rooms: messages to the device, devices and keys of others,
/// who is online.
struct GeneralPeople {
    /// What was read.
    struct Found {
        var messages: [(streamID: Int64, json: [UInt8])] = []
        var presence: [PresenceStates.Presence] = []
        var keys: KeyCountsText?
    }

    /// A statement with what it is for.
    struct Reading {
        enum Use {
            case deletion, messages, presence, counts, fallbacks
        }

        let use: Use
        let statement: (Statement, [PostgresValue])

        init(_ use: Use, _ statement: (Statement, [PostgresValue])) {
            self.use = use
            self.statement = statement
        }
    }

    let sync: GeneralSync

    private var request: SyncRequest { sync.request }
    private var engine: SyncEngine { sync.engine }

    private var showsPresence: Bool {
        engine.options.showsPresence && request.filter.showsPresence
    }

    /// What is read together with the user's other belongings.
    var statements: [Reading] {
        var readings: [Reading] = []
        let (low, now) = (sync.low, sync.now)
        if let deviceID = request.deviceID, low.toDevice < now.toDevice {
            if low.toDevice > 0 {
                let deletion = DeviceInbox.deleting(
                    userID: request.userID, deviceID: deviceID, upTo: low.toDevice)
                readings.append(Reading(.deletion, deletion))
            }
            let messages = DeviceInbox.reading(
                userID: request.userID, deviceID: deviceID, after: low.toDevice,
                upTo: now.toDevice, limit: engine.options.toDeviceMax)
            readings.append(Reading(.messages, messages))
        }
        if showsPresence, low.presence < now.presence {
            let presence = PresenceStates.reading(
                visibleTo: request.userID, after: low.presence, upTo: now.presence,
                includesOffline: request.since != nil)
            readings.append(Reading(.presence, presence))
        }
        if let deviceID = request.deviceID, engine.users[request.userID]?.keys[deviceID] == nil {
            let counts = OneTimeKeys.readingCounts(userID: request.userID, deviceID: deviceID)
            for (use, statement) in zip([Reading.Use.counts, .fallbacks], counts) {
                readings.append(Reading(use, statement))
            }
        }
        return readings
    }

    /// What the statements gave.
    func found(
        _ readings: [Reading], _ results: ArraySlice<Rows>, generation: Int
    ) throws -> Found {
        var found = Found()
        var counts: [Rows] = []
        for (reading, rows) in zip(readings, results) {
            switch reading.use {
            case .deletion: break
            case .messages: found.messages = try DeviceInbox.messages(rows)
            case .presence: found.presence = try PresenceStates.presences(rows).map(\.presence)
            case .counts, .fallbacks: counts.append(rows)
            }
        }
        if counts.isEmpty {
            found.keys = engine.users[request.userID].flatMap { engine.keys(of: request, $0) }
        } else {
            found.keys = engine.note(
                try KeyCounts(counts), of: request, generation: generation)
        }
        return found
    }

    /// The position of the last message that is told, if there may be more of them.
    func lastMessage(_ found: Found) -> Int64? {
        guard found.messages.count >= engine.options.toDeviceMax else { return nil }
        return found.messages.last?.streamID
    }

    func add(_ found: Found, to rest: inout AnswerFrame.Rest) {
        let time = engine.clock.now
        rest.toDevice = found.messages.map(\.json)
        let filter = request.filter
        rest.presence += found.presence.filter { filter.showsPresence(of: $0.userID) }
            .map { PresenceText.event($0, now: time) }
        rest.presence = SyncFilter.limited(rest.presence, to: filter.filter.presence.limit)
        rest.keys = found.keys
    }

    /// Reads whose keys the user has to look at again, and who is online in rooms that it has just joined.
    func addDeviceLists(
        _ personal: GeneralSync.Personal, to rest: inout AnswerFrame.Rest,
        on loop: isolated EventLoop
    ) async throws {
        guard let since = request.since else { return }
        var reader = DeviceListReader(
            userID: request.userID, since: since, now: sync.now,
            memberships: personal.memberships, history: personal.history)
        let recent = engine.recent
        reader.skipQuietRooms { roomID in
            recent.floor.room <= since.room && recent.positions(of: roomID).room <= since.room
        }
        var statements = reader.statements
        let asksPresence = showsPresence && !reader.newRooms.isEmpty && sync.now.presence > 0
        if asksPresence {
            statements.append(
                PresenceStates.reading(inRooms: reader.newRooms, upTo: sync.now.presence))
        }
        guard !statements.isEmpty else { return }
        var results = try await sync.query(statements, on: loop)
        if asksPresence, let rows = results.popLast() {
            let filter = request.filter
            let known = Set(personal.people.presence.map(\.userID))
            let time = engine.clock.now
            rest.presence = try PresenceStates.presences(rows).map(\.presence)
                .filter { !known.contains($0.userID) && filter.showsPresence(of: $0.userID) }
                .map { PresenceText.event($0, now: time) }
        }
        rest.deviceLists = try await reader.news(results, on: loop) { statements in
            try await sync.query(statements, on: loop)
        }
    }
}

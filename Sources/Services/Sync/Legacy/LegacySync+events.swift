public import JSON
import Matrix
public import Reactor
public import Storage

/// What a client asks `/events` for.
public struct LegacyEventsQuery: Sendable {
    /// What the client has seen; nil for everything up to now.
    public var from: StreamToken?
    /// How long to wait when there is nothing new.
    public var timeout: Duration
    /// How many events of rooms.
    public var limit: Int
    /// The only room to tell of, which the reader need not be in if everybody may read it.
    public var roomID: String?

    /// A query with these parameters.
    public init(from: StreamToken?, timeout: Duration, limit: Int, roomID: String?) {
        self.from = from
        self.timeout = timeout
        self.limit = limit
        self.roomID = roomID
    }
}

extension LegacySync {
    /// The most events of rooms in an answer.
    private static let eventsMax = 500

    /// What is new since a token, in one list. Waits for something if there is nothing.
    ///
    /// No event is left out: if there are more than fit, the end of the answer is where the last of them stands.
    public func events(
        _ query: LegacyEventsQuery, for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> JSON {
        var query = query
        query.limit = min(max(query.limit, 1), Self.eventsMax)
        let from = query.from ?? engine.position
        let deadline = loop.now + min(max(query.timeout, .zero), engine.options.timeoutMax)
        var room: JSON = ["timeline": ["limit": 1], "state": ["types": []]]
        if let roomID = query.roomID {
            switch try await RoomAccess.of(reader.userID, to: roomID, in: pool, on: loop) {
            case .member: room["rooms"] = [.string(roomID)]
            case .worldReadable:
                return try await peek(
                    at: roomID, from, until: deadline, query.limit, for: reader, on: loop)
            case nil:
                throw MatrixError.forbidden("User \(reader.userID) not in room \(roomID)")
            }
        } else if reader.isGuest {
            throw MatrixError.missingParameter("room_id")
        }
        var since = from
        while true {
            // Neither is told here, so nobody is woken by them.
            since.toDevice = max(since.toDevice, engine.position.toDevice)
            since.deviceList = max(since.deviceList, engine.position.deviceList)
            let answer = try await sync(
                ["room": room], since: since, timeout: max(deadline - loop.now, .zero),
                for: reader, on: loop)
            var end = try StreamToken(parsing: answer["next_batch"]?.stringValue ?? "")
            since = end
            let chunk = try await news(
                in: answer, from: from.room, to: &end, limit: query.limit, for: reader, on: loop)
            if chunk.isEmpty, loop.now < deadline, !engine.isShutDown { continue }
            // /sync goes on from here and has those still to tell.
            end.toDevice = from.toDevice
            end.deviceList = from.deviceList
            return Self.answer(chunk, from: from, to: end)
        }
    }

    private static func answer(_ chunk: [JSON], from: StreamToken, to end: StreamToken) -> JSON {
        [
            "start": .string(from.description), "end": .string(end.description),
            "chunk": .array(chunk),
        ]
    }

    /// What an answer of /sync tells, as a list. The events of its rooms are read anew, since /sync tells the last
    /// ones only.
    private func news(
        in answer: JSON, from: Int64, to end: inout StreamToken, limit: Int,
        for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> [JSON] {
        let rooms = answer["rooms"]
        let joined = rooms?["join"]?.objectValue ?? [:]
        let left = rooms?["leave"]?.objectValue ?? [:]
        let pending =
            (rooms?["invite"]?.objectValue?.keys ?? [])
            + (rooms?["knock"]?.objectValue?.keys ?? [])
        var events = try await readable(
            joined.keys + left.keys, from: from, to: end.room, limit: limit + 1, for: reader,
            on: loop)
        events += try await own(pending, from: from, to: end.room, for: reader, on: loop)
        events.sort { $0.streamOrdering < $1.streamOrdering }
        if events.count > limit {
            events.removeSubrange(limit...)
            end.room = events.last?.streamOrdering ?? end.room
        }
        var chunk = try await render(events, for: reader, on: loop)
        for (roomID, room) in joined {
            chunk += (room.events("ephemeral") + room.events("account_data"))
                .map { $0.inRoom(roomID) }
        }
        return chunk + answer.events("account_data") + answer.events("presence")
    }

    /// The events of rooms between two positions that a reader may see and wants to.
    private func readable(
        _ roomIDs: [String], from: Int64, to: Int64, limit: Int, for reader: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws -> [StoredEvent] {
        let events = try await Events.events(
            of: roomIDs, from: from, to: to, limit: limit, in: pool, on: loop)
        if events.isEmpty { return [] }
        let ignored = Set(
            try await IgnoredUsers.ignored(by: reader.userID, in: pool, on: loop))
        // A member sees everything; only who came or went meanwhile has to be looked at, which is rarely so.
        let moved = Set(
            events.filter { $0.type == EventType.member && $0.stateKey == reader.userID }
                .map(\.roomID))
        var seen = Set(events.lazy.filter { !moved.contains($0.roomID) }.map(\.eventID))
        for roomID in moved {
            seen.formUnion(
                try await visible(
                    events.filter { $0.roomID == roomID }, for: reader, on: loop
                ).map(\.eventID))
        }
        return events.filter {
            seen.contains($0.eventID) && ($0.stateKey != nil || !ignored.contains($0.sender))
        }
    }

    /// The reader's own memberships of rooms, such as invitations, that came about between two positions.
    private func own(
        _ roomIDs: [String], from: Int64, to: Int64, for reader: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws -> [StoredEvent] {
        if roomIDs.isEmpty { return [] }
        let ids = try await Memberships.memberships(userID: reader.userID, in: pool, on: loop)
            .filter {
                roomIDs.contains($0.roomID) && $0.streamOrdering > from && $0.streamOrdering <= to
            }.map(\.eventID)
        return try await Events.events(ids, in: pool, on: loop)
    }

    /// What is new in a room that everybody may read.
    private func peek(
        at roomID: String, _ from: StreamToken, until deadline: Instant, _ limit: Int,
        for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> JSON {
        while true {
            var end = engine.position.merged(with: from)
            var found = try await Events.events(
                of: [roomID], from: from.room, to: end.room, limit: limit + 1, in: pool, on: loop)
            if found.count > limit {
                found.removeSubrange(limit...)
                end.room = found.last?.streamOrdering ?? end.room
            }
            let events = try await visible(found, for: reader, on: loop)
            if !events.isEmpty || loop.now >= deadline || engine.isShutDown {
                end.toDevice = from.toDevice
                end.deviceList = from.deviceList
                return Self.answer(
                    try await render(events, for: reader, on: loop), from: from, to: end)
            }
            await engine.awaitEvents(
                of: roomID, after: end.room, until: deadline, on: loop)
        }
    }
}

public import JSON
import Matrix
public import Reactor
public import Storage

extension LegacySync {
    /// Everything that a user sees now.
    public func initial(
        limit: Int, archived: Bool, for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> JSON {
        let filter: JSON = [
            "room": [
                "timeline": ["limit": .integer(Int64(limit))], "include_leave": .bool(archived),
            ]
        ]
        let answer = try await sync(filter, since: nil, for: reader, on: loop)
        let end = try Self.end(of: answer)
        let rooms = try await self.rooms(in: answer, end: end, for: reader, on: loop)
        return [
            "end": .string(end), "presence": .array(answer.events("presence")),
            "account_data": .array(answer.events("account_data")),
            "receipts": .array(Self.receipts(in: answer)), "rooms": .array(rooms),
        ]
    }

    /// What a user sees of a room now: as a member, as it was when the user left, or as everybody may see it.
    /// Throws M_FORBIDDEN.
    public func room(
        _ roomID: String, limit: Int, for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> JSON {
        switch try await RoomAccess.of(reader.userID, to: roomID, in: pool, on: loop) {
        case .member:
            let filter: JSON = [
                "room": [
                    "rooms": [.string(roomID)], "include_leave": true,
                    "timeline": ["limit": .integer(Int64(limit))],
                ]
            ]
            let answer = try await sync(filter, since: nil, for: reader, on: loop)
            let rooms = try await self.rooms(
                in: answer, end: try Self.end(of: answer), for: reader, on: loop)
            guard var room = rooms.first else { break }
            let members = Set(
                room["state"]?.arrayValue?
                    .filter { $0["content"]?["membership"] == "join" }
                    .compactMap { $0["state_key"]?.stringValue } ?? [])
            room["presence"] = .array(
                answer.events("presence").filter {
                    members.contains($0["sender"]?.stringValue ?? "")
                })
            room["receipts"] = .array(Self.receipts(in: answer))
            return room
        case .worldReadable:
            return try await room(seenFromOutside: roomID, limit: limit, for: reader, on: loop)
        case nil: break
        }
        throw MatrixError.forbidden("User \(reader.userID) not in room \(roomID)")
    }

    /// Where /sync and /events go on. Messages to devices were not told.
    private static func end(of answer: JSON) throws -> String {
        var end = try StreamToken(parsing: answer["next_batch"]?.stringValue ?? "")
        end.toDevice = 0
        return end.description
    }

    private static func receipts(in answer: JSON) -> [JSON] {
        (answer["rooms"]?["join"]?.objectValue ?? [:]).flatMap { roomID, room in
            room.events("ephemeral").filter { $0["type"] == "m.receipt" }
                .map { $0.inRoom(roomID) }
        }
    }

    private func rooms(
        in answer: JSON, end: String, for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> [JSON] {
        let all = answer["rooms"]
        let joined = all?["join"]?.objectValue ?? [:]
        let left = all?["leave"]?.objectValue ?? [:]
        let published = try await Rooms.published(
            among: joined.keys + left.keys, in: pool, on: loop)
        var rooms: [JSON] = []
        for (roomID, room) in Array(joined) + Array(left) {
            let state = Self.state(of: room, in: roomID)
            let own = state.first {
                $0["type"] == "m.room.member" && $0["state_key"]?.stringValue == reader.userID
            }
            let timeline = room.events("timeline").map { $0.inRoom(roomID) }
            var messages: JSON = ["chunk": .array(timeline), "end": .string(end)]
            messages["start"] = room["timeline"]?["prev_batch"]
            rooms.append([
                "room_id": .string(roomID), "membership": own?["content"]?["membership"] ?? "leave",
                "messages": messages, "state": .array(state),
                "visibility": published.contains(roomID) ? "public" : "private",
                "account_data": .array(room.events("account_data")),
            ])
        }
        return try await rooms + invitations(in: all, for: reader, on: loop)
    }

    /// The state of a room after its timeline, of which /sync tells the state before it.
    private static func state(of room: JSON, in roomID: String) -> [JSON] {
        var places: [StateKey: Int] = [:]
        var state: [JSON] = []
        for event in room.events("state") + room.events("timeline") {
            guard let type = event["type"]?.stringValue, let key = event["state_key"]?.stringValue
            else { continue }
            let place = StateKey(type, key)
            if let index = places[place] {
                state[index] = event.inRoom(roomID)
            } else {
                places[place] = state.count
                state.append(event.inRoom(roomID))
            }
        }
        return state
    }

    /// Rooms that the reader is invited to, with the invitation.
    private func invitations(
        in rooms: JSON?, for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> [JSON] {
        let roomIDs = rooms?["invite"]?.objectValue?.keys ?? []
        if roomIDs.isEmpty { return [] }
        let ids = try await Memberships.memberships(userID: reader.userID, in: pool, on: loop)
            .filter { $0.membership == "invite" && roomIDs.contains($0.roomID) }.map(\.eventID)
        let events = try await Events.events(ids, in: pool, on: loop)
        return try await render(events, for: reader, on: loop).map { event in
            [
                "room_id": event["room_id"] ?? .null, "membership": "invite",
                "inviter": event["sender"] ?? .null, "invite": event,
            ]
        }
    }

    /// A room that everybody may read, for somebody who is not in it.
    private func room(
        seenFromOutside roomID: String, limit: Int, for reader: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws -> JSON {
        let position = engine.position
        let start = try await RoomToken.stream(position.room).place(
            in: roomID, from: pool, on: loop)
        let page = try await Events.page(
            roomID: roomID, from: start, to: .start, isBackwards: true, limit: limit, in: pool,
            on: loop)
        let chunk = try await visible(page, for: reader, on: loop)
        let ids = try await CurrentState.entries(roomID: roomID, in: pool, on: loop)
            .map(\.eventID)
        let state = try await Events.events(ids, in: pool, on: loop)
            .sorted { $0.streamOrdering < $1.streamOrdering }
        var end = position
        end.toDevice = 0
        let first = page.last.map {
            EventPlace(topological: $0.topologicalOrdering, stream: $0.streamOrdering - 1)
        }
        let published = try await Rooms.published(among: [roomID], in: pool, on: loop)
        return [
            "room_id": .string(roomID),
            "messages": [
                "chunk": .array(try await render(chunk.reversed(), for: reader, on: loop)),
                "start": .string(RoomToken.topological(first ?? start).description),
                "end": .string(end.description),
            ],
            "state": .array(try await render(state, for: reader, on: loop)),
            "visibility": published.isEmpty ? "private" : "public",
            "account_data": [], "presence": [], "receipts": [],
        ]
    }
}

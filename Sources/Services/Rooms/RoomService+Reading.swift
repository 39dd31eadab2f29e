import JSON
import Matrix
public import Reactor
public import Storage

extension RoomService {
    /// A room that a user may read: members, former members, and everybody if it is world readable.
    func readableRoom(
        _ roomID: String, userID: String, on loop: isolated EventLoop
    ) async throws -> Room {
        let refusal = MatrixError.forbidden("User \(userID) not in room \(roomID)")
        guard let room = try await rooms.room(roomID, on: loop) else { throw refusal }
        switch room.membership(of: userID) {
        case .join: return room
        case .leave, .ban:
            let wasMember = try await Memberships.lastJoin(
                of: userID, roomID: roomID, in: pool, on: loop)
            if wasMember != nil { return room }
        case .invite, .knock, nil: break
        }
        let visibility = try await event(
            at: .historyVisibility, of: RoomDraft(room), on: loop)
        guard HistoryVisibility(visibility) == .worldReadable else { throw refusal }
        return room
    }

    /// The last place of a room that a former member may read; nil for members and guests of a world
    /// readable room, for whom there is no end.
    func lastPlace(
        for userID: String, in room: Room, on loop: isolated EventLoop
    ) async throws -> EventPlace? {
        let membership = room.membership(of: userID)
        guard membership == .leave || membership == .ban,
            let eventID = room.state[StateKey(EventType.member, userID)]?.eventID,
            let event = try await Events.events([eventID], in: pool, on: loop).first
        else { return nil }
        let visibility = try await self.event(
            at: .historyVisibility, of: RoomDraft(room), on: loop)
        if HistoryVisibility(visibility) == .worldReadable { return nil }
        return EventPlace(
            topological: event.topologicalOrdering, stream: event.streamOrdering)
    }

    /// The state of a room as a user may know it: now, or when the user left.
    private func stateEvents(
        of room: Room, for userID: String, on loop: isolated EventLoop,
        where isWanted: (StateKey) -> Bool
    ) async throws -> [StoredEvent] {
        let membership = room.membership(of: userID)
        let ids: [String]
        if membership == .leave || membership == .ban,
            let eventID = room.state[StateKey(EventType.member, userID)]?.eventID,
            let left = try await Events.events([eventID], in: pool, on: loop).first,
            let group = left.stateGroup
        {
            ids = try await StateGroups.entries(of: group, in: pool, on: loop)
                .filter { isWanted(StateKey($0.type, $0.stateKey)) }.map(\.eventID)
        } else {
            ids = room.state.filter { isWanted($0.key) }.map(\.value.eventID)
        }
        return try await Events.stateEvents(
            ids, roomVersion: room.version.identifier, in: pool, on: loop
        ).sorted { $0.streamOrdering < $1.streamOrdering }
    }

    /// The whole state of a room, rendered.
    public func state(
        of roomID: String, for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> [[UInt8]] {
        let room = try await readableRoom(roomID, userID: reader.userID, on: loop)
        let events = try await stateEvents(of: room, for: reader.userID, on: loop) { _ in true }
        return try await EventRenderer(reader: reader, now: clock.now)
            .render(events, from: pool, on: loop)
    }

    /// One piece of a room's state: the event, rendered. Throws M_NOT_FOUND.
    public func stateEvent(
        type: String, stateKey: String, of roomID: String, for reader: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws -> [UInt8] {
        let room = try await readableRoom(roomID, userID: reader.userID, on: loop)
        let place = StateKey(type, stateKey)
        let events = try await stateEvents(of: room, for: reader.userID, on: loop) {
            $0 == place
        }
        guard let event = events.first else { throw MatrixError.notFound("Event not found.") }
        let rendered = try await EventRenderer(reader: reader, now: clock.now)
            .render([event], from: pool, on: loop)
        return rendered[0]
    }

    /// The member events of a room with, or without, a membership; rendered.
    public func members(
        of roomID: String, membership: String?, notMembership: String?,
        for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> [[UInt8]] {
        let room = try await readableRoom(roomID, userID: reader.userID, on: loop)
        let events = try await stateEvents(of: room, for: reader.userID, on: loop) {
            $0.type == EventType.member
        }
        let wanted = events.filter { event in
            let value = Self.membership(of: event)
            return (membership == nil || value == membership)
                && (notMembership == nil || value != notMembership)
        }
        return try await EventRenderer(reader: reader, now: clock.now)
            .render(wanted, from: pool, on: loop)
    }

    private static func membership(of event: StoredEvent) -> String? {
        (try? JSON(parsing: event.json))?["content"]?["membership"]?.stringValue
    }

    /// The joined members of a room, which only members may ask for.
    public func joinedMembers(
        of roomID: String, for userID: String, on loop: isolated EventLoop
    ) async throws -> [(userID: String, profile: Profiles.Profile)] {
        _ = try await joinedRoom(roomID, userID: userID, on: loop)
        return try await Memberships.joined(roomID: roomID, in: pool, on: loop)
    }

    /// One event of a room, rendered. Throws M_NOT_FOUND, also for what the reader may not see.
    public func event(
        _ eventID: String, in roomID: String, for reader: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws -> [UInt8] {
        let (room, event) = try await visibleEvent(eventID, in: roomID, for: reader, on: loop)
        return try await renderBundled([event], of: room, for: reader, on: loop)[0]
    }
}

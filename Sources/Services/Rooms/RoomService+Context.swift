public import JSON
import Matrix
public import Reactor
public import Storage

/// An event with what was said around it, all rendered.
public struct EventContext: Sendable {
    /// The event.
    public var event: [UInt8]
    /// The events before it, the newest first.
    public var before: [[UInt8]]
    /// The events after it, the oldest first.
    public var after: [[UInt8]]
    /// The state of the room at the last of them.
    public var state: [[UInt8]]
    /// From where to go back.
    public var start: String
    /// From where to go on.
    public var end: String
}

extension RoomService {
    /// An event and its surroundings, of which the reader gets what may be seen and passes the filter. Throws
    /// M_NOT_FOUND, also for an event that the reader may not see.
    public func context(
        of eventID: String, in roomID: String, limit: Int, filter: JSON?,
        for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> EventContext {
        let filter = try eventFilter(filter)
        let (room, event) = try await visibleEvent(eventID, in: roomID, for: reader, on: loop)
        let limit = min(limit, filter?.limit ?? limit, Self.messagesMax)
        let place = EventPlace(
            topological: event.topologicalOrdering, stream: event.streamOrdering)
        let justBefore = EventPlace(topological: place.topological, stream: place.stream - 1)
        let before = try await Events.page(
            roomID: roomID, from: justBefore, to: .start, isBackwards: true, limit: limit / 2,
            in: pool, on: loop)
        let after = try await Events.page(
            roomID: roomID, from: place, to: .end, isBackwards: false, limit: limit - limit / 2,
            in: pool, on: loop)
        let visible = try await VisibilityFilter(userID: reader.userID, cache: cache, pool: pool)
            .visible(before + after, on: loop)
        let wanted = visible.filter { event in
            filter?.passes(
                type: event.type, sender: event.sender, room: room.roomID,
                containsURL: event.containsURL) ?? true
        }
        let earlier = wanted.filter {
            EventPlace(topological: $0.topologicalOrdering, stream: $0.streamOrdering) < place
        }
        let shown = earlier + [event] + wanted.dropFirst(earlier.count)
        let rendered = try await renderBundled(shown, of: room, for: reader, on: loop)
        let last = after.last { wanted.contains($0) } ?? event
        let state = try await state(
            at: last, of: room, filter: filter, senders: Set(shown.map(\.sender)), on: loop)
        return EventContext(
            event: rendered[earlier.count], before: Array(rendered[..<earlier.count]),
            after: Array(rendered[(earlier.count + 1)...]),
            state: try await EventRenderer(reader: reader, now: clock.now)
                .render(state, from: pool, on: loop),
            start: end(after: before.last ?? event, isBackwards: true),
            end: end(after: after.last ?? event, isBackwards: false))
    }

    /// An event that the reader may see, and its room. Throws M_NOT_FOUND.
    func visibleEvent(
        _ eventID: String, in roomID: String, for reader: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws -> (Room, StoredEvent) {
        let room = try await readableRoom(roomID, userID: reader.userID, on: loop)
        let events = try await Events.events([eventID], in: pool, on: loop)
            .filter { $0.roomID == roomID }
        let visible = try await VisibilityFilter(userID: reader.userID, cache: cache, pool: pool)
            .visible(events, on: loop)
        guard let event = visible.first else { throw MatrixError.notFound("Event not found.") }
        return (room, event)
    }

    /// The state of a room at an event, as a filter wants it; lazily loaded members are those who sent
    /// what is shown.
    private func state(
        at event: StoredEvent, of room: Room, filter: EventFilter?, senders: Set<String>,
        on loop: isolated EventLoop
    ) async throws -> [StoredEvent] {
        guard let group = event.stateGroup else { return [] }
        let entries = try await StateGroups.entries(of: group, in: pool, on: loop).filter {
            filter?.lazyLoadsMembers != true || $0.type != EventType.member
                || senders.contains($0.stateKey)
        }
        return try await Events.events(entries.map(\.eventID), in: pool, on: loop)
            .filter { state in
                filter?.passes(
                    type: state.type, sender: state.sender, room: room.roomID,
                    containsURL: state.containsURL) ?? true
            }
            .sorted { $0.streamOrdering < $1.streamOrdering }
    }
}

public import JSON
import Matrix
public import Reactor
public import Storage

/// What a client asks of a room's history.
public struct MessagesQuery: Sendable {
    /// Where to start; nil for the end that the direction starts at.
    public var from: String?
    /// Where to stop.
    public var to: String?
    /// Whether to go back in time.
    public var isBackwards: Bool
    /// How many events.
    public var limit: Int
    /// A filter's JSON.
    public var filter: JSON?

    /// A query with these parameters.
    public init(from: String?, to: String?, isBackwards: Bool, limit: Int, filter: JSON?) {
        self.from = from
        self.to = to
        self.isBackwards = isBackwards
        self.limit = limit
        self.filter = filter
    }
}

/// A page of a room's history, its events rendered.
public struct MessagesPage: Sendable {
    /// The events in the order of the direction.
    public var events: [[UInt8]]
    /// Members that the client asked to be told about with their messages.
    public var state: [[UInt8]]
    /// Where the page starts.
    public var start: String
    /// Where the next page starts; nil at the end of the room.
    public var end: String?
}

extension RoomService {
    /// The most events of a page.
    static let messagesMax = 1000

    /// A page of a room's history, of what the reader may see and wants to.
    public func messages(
        in roomID: String, _ query: MessagesQuery, for reader: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws -> MessagesPage {
        let room = try await readableRoom(roomID, userID: reader.userID, on: loop)
        let filter = try eventFilter(query.filter)
        let limit = min(query.limit, filter?.limit ?? query.limit, Self.messagesMax)
        let newest = persister.position
        let start = try token(query.from) ?? (query.isBackwards ? .stream(newest) : nil)
        var from = try await start?.place(in: roomID, from: pool, on: loop) ?? .start
        var to = try await token(query.to)?.place(in: roomID, from: pool, on: loop)
        // Who has left sees the room up to there.
        if let end = try await lastPlace(for: reader.userID, in: room, on: loop) {
            if query.isBackwards { from = min(from, end) } else { to = min(to ?? end, end) }
        }
        let events = try await Events.page(
            roomID: roomID, from: from, to: to ?? (query.isBackwards ? .start : .end),
            isBackwards: query.isBackwards, limit: limit, in: pool, on: loop)
        let visible = try await VisibilityFilter(userID: reader.userID, cache: cache, pool: pool)
            .visible(events, on: loop)
        let wanted = visible.filter { event in
            filter?.passes(
                type: event.type, sender: event.sender, room: room.roomID,
                containsURL: event.containsURL) ?? true
        }
        let renderer = EventRenderer(reader: reader, now: clock.now)
        let members =
            filter?.lazyLoadsMembers == true
            ? try await self.members(Set(wanted.map(\.sender)), of: room, on: loop) : []
        return MessagesPage(
            events: try await renderBundled(wanted, of: room, for: reader, on: loop),
            state: try await renderer.render(members, from: pool, on: loop),
            start: (start ?? .topological(.start)).description,
            end: events.last.map { end(after: $0, isBackwards: query.isBackwards) })
    }

    func token(_ text: String?) throws(MatrixError) -> RoomToken? {
        guard let text, !text.isEmpty else { return nil }
        guard let token = RoomToken(text) else {
            throw MatrixError.invalidParameter("'\(text)' is not a valid token")
        }
        return token
    }

    func end(after event: StoredEvent, isBackwards: Bool) -> String {
        let place = EventPlace(
            topological: event.topologicalOrdering,
            stream: isBackwards ? event.streamOrdering - 1 : event.streamOrdering)
        return RoomToken.topological(place).description
    }

    func eventFilter(_ json: JSON?) throws(MatrixError) -> EventFilter? {
        guard let object = json?.objectValue else { return nil }
        do throws(FilterError) {
            return try EventFilter(object)
        } catch {
            throw .badJSON("\(error)")
        }
    }

    /// The member events of some users.
    private func members(
        _ users: Set<String>, of room: Room, on loop: isolated EventLoop
    ) async throws -> [StoredEvent] {
        let ids = users.compactMap { room.state[StateKey(EventType.member, $0)]?.eventID }
        return try await Events.events(ids, in: pool, on: loop)
    }
}

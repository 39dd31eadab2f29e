import Matrix
public import Reactor
public import Storage

/// What a client asks of the events that relate to one.
public struct RelationsQuery: Sendable {
    /// The kind of relation; nil for any.
    public var relationType: String?
    /// The type of the relating events; nil for any.
    public var type: String?
    /// Where to start; nil for the end that the direction starts at.
    public var from: String?
    /// Where to stop.
    public var to: String?
    /// Whether to go back in time.
    public var isBackwards = true
    /// How many events.
    public var limit: Int
    /// Whether what relates to relating events belongs to the answer.
    public var recurses = false

    /// A query for the newest relating events, whatever they are.
    public init(limit: Int) { self.limit = limit }
}

/// A page of related events or threads, rendered.
public struct RelationsPage: Sendable {
    /// The events.
    public var events: [[UInt8]]
    /// Where the next page starts; nil at the end.
    public var next: String?
    /// How many relations may lie between; nil for direct ones only.
    public var depth: Int?
}

extension RoomService {
    /// The most events of a page.
    private static let relationsMax = 100
    /// How many relations may lie between an event and one that relates to it.
    private static let relationsDepthMax = 3

    /// A page of what relates to an event. Throws M_NOT_FOUND, also for an event that the reader may not see.
    public func relations(
        to eventID: String, in roomID: String, _ query: RelationsQuery,
        for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> RelationsPage {
        let start = try token(query.from)
        let end = try token(query.to)
        let (room, _) = try await visibleEvent(eventID, in: roomID, for: reader, on: loop)
        let limit = min(max(query.limit, 1), Self.relationsMax)
        let isBackwards = query.isBackwards
        // One more than the page tells whether there is another page.
        let found = try await EventRelations.page(
            EventRelations.Query(
                eventID: eventID, roomID: roomID, relationType: query.relationType,
                type: query.type, depthMax: query.recurses ? Int64(Self.relationsDepthMax) : 1),
            from: try await start?.place(in: roomID, from: pool, on: loop)
                ?? (isBackwards ? .end : .start),
            to: try await end?.place(in: roomID, from: pool, on: loop)
                ?? (isBackwards ? .start : .end),
            isBackwards: isBackwards, limit: limit + 1, in: pool, on: loop)
        let page = Array(found.prefix(limit))
        let visible = try await VisibilityFilter(userID: reader.userID, cache: cache, pool: pool)
            .visible(page, on: loop)
        return RelationsPage(
            events: try await renderBundled(visible, of: room, for: reader, on: loop),
            next: found.count > limit
                ? page.last.map { self.end(after: $0, isBackwards: isBackwards) } : nil,
            depth: query.recurses ? Self.relationsDepthMax : nil)
    }

    /// The roots of a room's threads, that with the newest message first.
    public func threads(
        in roomID: String, from: String?, participatedOnly: Bool, limit: Int,
        for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> RelationsPage {
        let start = try token(from)
        let room = try await readableRoom(roomID, userID: reader.userID, on: loop)
        let limit = min(limit, Self.relationsMax)
        let found = try await Threads.page(
            roomID: roomID, from: try await start?.place(in: roomID, from: pool, on: loop) ?? .end,
            participant: participatedOnly ? reader.userID : nil, limit: limit + 1,
            in: pool, on: loop)
        let page = found.prefix(limit)
        let roots = try await Events.events(page.map(\.rootID), in: pool, on: loop)
        let visible = try await VisibilityFilter(userID: reader.userID, cache: cache, pool: pool)
            .visible(roots, on: loop)
        let byID = Dictionary(visible.map { ($0.eventID, $0) }, uniquingKeysWith: { $1 })
        let last = page.last?.place
        let next = last.map { EventPlace(topological: $0.topological, stream: $0.stream - 1) }
        return RelationsPage(
            events: try await renderBundled(
                page.compactMap { byID[$0.rootID] }, of: room, for: reader, on: loop),
            next: found.count > limit
                ? next.map { RoomToken.topological($0).description } : nil)
    }
}

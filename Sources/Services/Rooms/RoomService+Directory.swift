public import JSON
import Matrix
public import Reactor
import ReplicationWire
import Storage

/// What a client looks for among the published rooms.
public struct DirectoryQuery: Sendable {
    /// How many rooms a page has.
    public var limit: Int
    /// How many rooms come before the page.
    public var skipped = 0
    /// What must be in the name, the topic or the alias, whatever the case.
    public var term: String?
    /// The types of rooms, nil being those of rooms without a type; no list means all.
    public var roomTypes: [String?]?

    /// The first rooms of all.
    public init(limit: Int) { self.limit = limit }
}

/// A page of the published rooms.
public struct DirectoryPage: Sendable {
    /// The rooms, as clients get them.
    public var rooms: [JSON]
    /// How many there are that match.
    public var total: Int
}

extension RoomService {
    /// The state that the list of rooms shows.
    private static let listedTypes = [
        EventType.create, EventType.name, EventType.topic, EventType.canonicalAlias,
        EventType.avatar, EventType.joinRules, EventType.historyVisibility, EventType.guestAccess,
    ]

    /// The published rooms that match, those with the most members first.
    public func publishedRooms(
        _ query: DirectoryQuery, on loop: isolated EventLoop
    ) async throws -> DirectoryPage {
        let listings = try await PublicRooms.listings(
            stateTypes: Self.listedTypes, in: pool, on: loop)
        let term = query.term?.lowercased() ?? ""
        let matching = listings.map(Self.entry).filter { entry in
            if let types = query.roomTypes, !types.contains(entry["room_type"]?.stringValue) {
                return false
            }
            return term.isEmpty
                || ["name", "topic", "canonical_alias"].contains { key in
                    entry[key]?.stringValue?.lowercased().contains(term) ?? false
                }
        }
        return DirectoryPage(
            rooms: Array(matching.dropFirst(query.skipped).prefix(query.limit)),
            total: matching.count)
    }

    /// A room as the list shows it.
    private static func entry(_ listing: PublicRooms.Listing) -> JSON {
        func text(_ type: String, _ key: String) -> JSON? {
            // What is not JSON says nothing.
            guard let event = listing.state[type].flatMap({ try? JSON(parsing: $0) }),
                let value = event["content"]?[key]?.stringValue, !value.isEmpty
            else { return nil }
            return .string(value)
        }
        var entry: JSON = [
            "room_id": .string(listing.roomID),
            "num_joined_members": .integer(listing.joinedMembers),
            "world_readable": .bool(
                text(EventType.historyVisibility, "history_visibility") == "world_readable"),
            "guest_can_join": .bool(text(EventType.guestAccess, "guest_access") == "can_join"),
            "join_rule": text(EventType.joinRules, "join_rule") ?? "invite",
        ]
        entry["name"] = text(EventType.name, "name")
        entry["topic"] = text(EventType.topic, "topic")
        entry["canonical_alias"] = text(EventType.canonicalAlias, "alias")
        entry["avatar_url"] = text(EventType.avatar, "url")
        entry["room_type"] = text(EventType.create, "type")
        return entry
    }

    /// Whether a room is published. Throws M_NOT_FOUND.
    public func isPublished(_ roomID: String, on loop: isolated EventLoop) async throws -> Bool {
        guard let room = try await Rooms.room(roomID, in: pool, on: loop) else {
            throw MatrixError.notFound("Room not found")
        }
        return room.isPublic
    }

    /// Publishes or withdraws a room. Members with the power to give it its main alias may, and
    /// administrators of the server.
    public func publish(
        _ isPublic: Bool, roomID: String, by userID: String, isAdministrator: Bool,
        on loop: isolated EventLoop
    ) async throws {
        guard try await rooms.room(roomID, on: loop) != nil else {
            throw MatrixError.notFound("Room not found")
        }
        if !isAdministrator {
            let room = try await joinedRoom(roomID, userID: userID, on: loop)
            try await requirePower(
                .state(EventType.canonicalAlias), of: userID, in: room, on: loop)
        }
        try await setPublished(isPublic, roomID: roomID, on: loop)
    }

    /// Publishes or withdraws a room and tells the processes, if that is news.
    func setPublished(
        _ isPublic: Bool, roomID: String, on loop: isolated EventLoop
    ) async throws {
        try await listings.store(from: pool, on: loop) { streamID in
            let isChanged = try await PublicRooms.publish(
                isPublic, roomID: roomID, streamID: streamID, in: pool, on: loop)
            let row = PublicRoomsStreamRow(roomID: roomID, isVisible: isPublic)
            return ((), .publicRooms, isChanged ? [.publicRoom(row)] : [])
        }
    }

    /// Tells the processes of a room that was made published.
    func announcePublished(_ roomID: String, on loop: isolated EventLoop) async throws {
        try await listings.store(from: pool, on: loop) { streamID in
            try await PublicRooms.announce(
                roomID: roomID, streamID: streamID, in: pool, on: loop)
            let row = PublicRoomsStreamRow(roomID: roomID, isVisible: true)
            return ((), .publicRooms, [.publicRoom(row)])
        }
    }
}

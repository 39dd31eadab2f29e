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
    /// The published rooms that match, those with the most members first.
    public func publishedRooms(
        _ query: DirectoryQuery, on loop: isolated EventLoop
    ) async throws -> DirectoryPage {
        try await RoomListings.refresh(upTo: persister.position, in: pool, on: loop)
        let term = query.term?.lowercased() ?? ""
        if term.utf8.contains(0) { return DirectoryPage(rooms: [], total: 0) }
        let page = try await RoomListings.page(
            RoomListings.Query(
                limit: query.limit, skipped: query.skipped, term: term,
                roomTypes: query.roomTypes?.map { $0 ?? "" }), in: pool, on: loop)
        return DirectoryPage(rooms: page.listings.map(Self.entry), total: Int(page.total))
    }

    /// A room as the list shows it.
    private static func entry(_ listing: RoomListings.Listing) -> JSON {
        var entry: JSON = [
            "room_id": .string(listing.roomID),
            "num_joined_members": .integer(listing.joinedMembers),
            "world_readable": .bool(listing.historyVisibility == "world_readable"),
            "guest_can_join": .bool(listing.guestAccess == "can_join"),
            "join_rule": .string(listing.joinRule ?? "invite"),
        ]
        entry["name"] = listing.name.map { .string($0) }
        entry["topic"] = listing.topic.map { .string($0) }
        entry["canonical_alias"] = listing.canonicalAlias.map { .string($0) }
        entry["avatar_url"] = listing.avatar.map { .string($0) }
        entry["room_type"] = listing.roomType.map { .string($0) }
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

public import JSON
import Matrix
import Postgres
public import Reactor
import Storage

extension RoomService {
    /// A room that was made.
    public struct Created: Sendable, Hashable {
        /// Its id.
        public let roomID: String
        /// The alias that was asked for.
        public let alias: String?
    }

    /// How many users one request may invite.
    static let inviteesMax = 100

    /// Makes a room as the body of a createRoom request asks. All of its first events are stored at once.
    public func create(
        _ request: JSON, creator: EventSender, on loop: isolated EventLoop
    ) async throws -> Created {
        guard let userID = UserID(creator.userID), let server = ServerName(settings.serverName)
        else { throw MatrixError.forbidden("Only users of this server can make rooms") }
        var plan = try RoomCreation(
            request, creator: userID, defaultVersion: settings.defaultRoomVersion)
        for invitee in plan.invitees { try requireReachable(invitee.text) }
        let alias = try await freeAlias(request["room_alias_name"], server: server, on: loop)
        plan.canonicalAlias = alias
        let member = try await memberContent(
            .join, userID: creator.userID, reason: nil, isDirect: false, on: loop)
        plan.creatorProfile = member.filter { $0.key != "membership" }

        let first = try createEvent(plan, server: server)
        let room = Room(roomID: first.roomID, version: plan.version)
        let roomID = room.roomID.text
        let isPublic = request["visibility"]?.stringValue == "public"
        let draft = try await draft(plan, of: room, from: first, creator: creator, on: loop)
        try await reserve(
            room, alias: alias, creator: creator, isPublic: isPublic, on: loop)
        do {
            try await commit(draft, on: loop)
        } catch {
            // The room's row is harmless without events, but its alias would lead nowhere.
            if let alias {
                _ = try await RoomAliases.remove(alias: alias.text, in: pool, on: loop)
            }
            throw error
        }
        // Rules that changed before the room was among those in use passed it by.
        if room.roster?.generation != audience.generation { room.roster = nil }
        rooms.insert(room)
        if isPublic { try await announcePublished(roomID, on: loop) }
        return Created(roomID: roomID, alias: alias?.text)
    }

    /// The event that makes the room, and from room version 12 on its identifier; before, a random one is
    /// taken unless one is `chosen`.
    func createEvent(
        _ plan: RoomCreation, server: ServerName, roomID chosen: RoomID? = nil
    ) throws -> Event {
        var generator = SystemRandomNumberGenerator()
        var builder = EventBuilder(
            version: plan.version,
            roomID: plan.version.roomIDIsHash
                ? nil : chosen ?? .random(on: server, using: &generator),
            type: EventType.create, stateKey: "", sender: plan.creator,
            content: plan.createContent)
        // Two rooms of one creator are told apart by when they were made, if by nothing else.
        lastCreation = max(clock.now, lastCreation + 1)
        builder.originServerTimestamp = lastCreation
        return try build(builder)
    }

    /// The first events of a room.
    func draft(
        _ plan: RoomCreation, of room: Room, from first: Event, creator: EventSender,
        on loop: isolated EventLoop
    ) async throws -> RoomDraft {
        let draft = RoomDraft(room)
        let proposal = EventProposal(
            type: first.type, stateKey: first.stateKey, content: first.content, sender: creator)
        try await admit(first, proposal, against: [:], to: draft, on: loop)
        for initial in plan.events where initial.type != EventType.create {
            var content = initial.content
            if initial.type == EventType.member, initial.stateKey != creator.userID,
                content["membership"]?.stringValue == Membership.invite.rawValue
            {
                content = try await memberContent(
                    .invite, userID: initial.stateKey, reason: nil, isDirect: plan.isDirect,
                    on: loop)
            }
            let proposal = EventProposal(
                type: initial.type, stateKey: initial.stateKey, content: content,
                sender: creator)
            _ = try await add(proposal, to: draft, on: loop)
        }
        return draft
    }

    /// Stores the room's row and its alias.
    func reserve(
        _ room: Room, alias: RoomAlias?, creator: EventSender, isPublic: Bool,
        on loop: isolated EventLoop
    ) async throws {
        let server = settings.serverName
        try await pool.transaction(on: loop) { connection in
            try await Rooms.create(
                roomID: room.roomID.text, version: room.version.identifier,
                creator: creator.userID, isPublic: isPublic, in: connection, on: loop)
            guard let alias else { return }
            let isNew = try await RoomAliases.add(
                alias: alias.text, roomID: room.roomID.text, creator: creator.userID,
                server: server, in: connection, on: loop)
            if !isNew { throw Self.aliasTaken }
        }
    }

    private static let aliasTaken = MatrixError(
        400, "M_ROOM_IN_USE", "Room alias already taken")

    private func freeAlias(
        _ name: JSON?, server: ServerName, on loop: isolated EventLoop
    ) async throws -> RoomAlias? {
        guard let name, !name.isNull else { return nil }
        guard let localpart = name.stringValue, !localpart.isEmpty,
            !localpart.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 <= 0x20 }),
            let alias = RoomAlias(localpart: localpart, server: server)
        else { throw MatrixError.invalidParameter("Invalid characters in room alias") }
        if try await RoomAliases.roomID(of: alias.text, in: pool, on: loop) != nil {
            throw Self.aliasTaken
        }
        return alias
    }
}

import JSON
import Matrix
public import Reactor
import Storage

extension RoomService {
    /// Joins a room by its id or an alias. Returns its id.
    public func join(
        _ roomIDOrAlias: String, reason: String?, sender: EventSender, on loop: isolated EventLoop
    ) async throws -> String {
        let room = try await namedRoom(roomIDOrAlias, on: loop)
        let roomID = room.roomID.text
        if room.membership(of: sender.userID) == .join { return roomID }
        if sender.isGuest { try await requireGuestAccess(to: room, on: loop) }
        let voucher = try await voucher(for: sender.userID, in: room, on: loop)
        try await setMembership(
            .join, of: sender.userID, reason: reason, in: room, sender: sender, voucher: voucher,
            on: loop)
        return roomID
    }

    /// The room with an id or an alias. Throws M_NOT_FOUND.
    func namedRoom(_ roomIDOrAlias: String, on loop: isolated EventLoop) async throws -> Room {
        let roomID: String
        if roomIDOrAlias.hasPrefix("#") {
            roomID = try await self.roomID(ofAlias: roomIDOrAlias, on: loop)
        } else if roomIDOrAlias.hasPrefix("!") {
            roomID = roomIDOrAlias
        } else {
            throw MatrixError.invalidParameter("Not a room id or alias: \(roomIDOrAlias)")
        }
        guard let room = try await rooms.room(roomID, on: loop) else {
            throw MatrixError.notFound("Can't join a room that no known server is in")
        }
        return room
    }

    /// Throws M_FORBIDDEN unless guests may join a room. Specification: client-server API, "Guest Access".
    func requireGuestAccess(to room: Room, on loop: isolated EventLoop) async throws {
        let place = StateKey("m.room.guest_access", "")
        let event = try await event(at: place, of: RoomDraft(room), on: loop)
        guard event?.content["guest_access"]?.stringValue == "can_join" else {
            throw MatrixError.forbidden("Guest access not allowed")
        }
    }

    /// Leaves a room, or refuses an invitation to it. Leaving twice is no mistake.
    public func leave(
        _ roomID: String, reason: String?, sender: EventSender, on loop: isolated EventLoop
    ) async throws {
        guard let room = try await rooms.room(roomID, on: loop),
            let membership = room.membership(of: sender.userID)
        else { throw MatrixError.forbidden("User \(sender.userID) not in room \(roomID)") }
        if membership == .leave { return }
        try await setMembership(
            .leave, of: sender.userID, reason: reason, in: room, sender: sender, on: loop)
        typing.stop(userID: sender.userID, roomID: roomID, on: loop)
    }

    /// Invites, kicks, bans or unbans somebody.
    public func change(
        _ action: MembershipAction, of target: String, in roomID: String, reason: String?,
        sender: EventSender, on loop: isolated EventLoop
    ) async throws {
        let room = try await joinedRoom(roomID, userID: sender.userID, on: loop)
        guard UserID(target) != nil else {
            throw MatrixError.invalidParameter("\(target) is not a user id")
        }
        let membership = room.membership(of: target)
        switch action {
        case .invite:
            try requireReachable(target)
        case .kick:
            guard [.join, .invite, .knock].contains(membership) else {
                throw MatrixError.forbidden("The target user is not in the room")
            }
        case .ban: break
        case .unban:
            guard membership == .ban else {
                throw MatrixError.forbidden("Cannot unban user who was not banned")
            }
        }
        let wanted: Membership =
            switch action {
            case .invite: .invite
            case .kick, .unban: .leave
            case .ban: .ban
            }
        try await setMembership(
            wanted, of: target, reason: reason, in: room, sender: sender, on: loop)
        if wanted != .invite { typing.stop(userID: target, roomID: roomID, on: loop) }
    }

    /// Takes a room that a user has left out of the user's lists.
    public func forget(
        _ roomID: String, userID: String, on loop: isolated EventLoop
    ) async throws {
        guard let room = try await rooms.room(roomID, on: loop),
            let membership = room.membership(of: userID)
        else { throw MatrixError(400, "M_UNKNOWN", "User \(userID) not in room \(roomID)") }
        guard membership == .leave || membership == .ban else {
            throw MatrixError(400, "M_UNKNOWN", "User \(userID) has not left the room \(roomID)")
        }
        try await Memberships.forget(roomID: roomID, userID: userID, in: pool, on: loop)
    }

    /// Shows a changed profile in a room by joining it again.
    func showProfile(
        _ profile: Profiles.Profile, in roomID: String, sender: EventSender,
        on loop: isolated EventLoop
    ) async throws {
        guard let room = try await rooms.room(roomID, on: loop),
            room.membership(of: sender.userID) == .join
        else { return }
        try await setMembership(
            .join, of: sender.userID, reason: nil, in: room, sender: sender, on: loop)
    }

    /// Changes a membership; `voucher` is the member who lets a user into a restricted room.
    func setMembership(
        _ membership: Membership, of userID: String, reason: String?, in room: Room,
        sender: EventSender, voucher: String? = nil, on loop: isolated EventLoop
    ) async throws {
        var content = try await memberContent(
            membership, userID: userID, reason: reason, isDirect: false, on: loop)
        content[Self.voucherKey] = voucher.map { .string($0) }
        let proposal = EventProposal(
            type: EventType.member, stateKey: userID, content: content, sender: sender)
        _ = try await append(proposal, to: room, on: loop)
    }

    /// The content of a membership event, with the user's profile where it shows one.
    func memberContent(
        _ membership: Membership, userID: String, reason: String?, isDirect: Bool,
        on loop: isolated EventLoop
    ) async throws -> JSON.Object {
        var content: JSON.Object = ["membership": .string(membership.rawValue)]
        content["reason"] = reason.map { .string($0) }
        if isDirect { content["is_direct"] = true }
        if [.join, .invite, .knock].contains(membership), isLocal(userID) {
            let profile = try await Profiles.profile(of: userID, in: pool, on: loop)
            content["displayname"] = profile?.displayName.map { .string($0) }
            content["avatar_url"] = profile?.avatarURL.map { .string($0) }
        }
        return content
    }

    /// Users of other servers cannot be invited before there is federation.
    func requireReachable(_ userID: String) throws(MatrixError) {
        guard isLocal(userID) else {
            throw MatrixError(
                400, "M_UNKNOWN", "Cannot reach the server of \(userID): there is no federation")
        }
    }
}

import JSON
import Matrix
public import Reactor
import Storage

extension RoomService {
    /// In the content of a join: the member whose server lets the user in.
    static let voucherKey = "join_authorised_via_users_server"

    /// Asks to be let into a room, named by its id or an alias. Returns its id.
    public func knock(
        _ roomIDOrAlias: String, reason: String?, sender: EventSender, on loop: isolated EventLoop
    ) async throws -> String {
        let room = try await namedRoom(roomIDOrAlias, on: loop)
        try await setMembership(
            .knock, of: sender.userID, reason: reason, in: room, sender: sender, on: loop)
        return room.roomID.text
    }

    /// The member whose right to invite lets a user into a room that is open to the members of other rooms; nil
    /// where the join needs no such member, or where the auth rules refuse it anyway. Throws M_FORBIDDEN for
    /// a user who is in none of the other rooms.
    ///
    /// Specification: client-server API, "Restricted rooms".
    func voucher(
        for userID: String, in room: Room, on loop: isolated EventLoop
    ) async throws -> String? {
        switch room.membership(of: userID) {
        case .join, .invite, .ban: return nil
        case .leave, .knock, nil: break
        }
        let draft = RoomDraft(room)
        let rules = try await event(at: .joinRules, of: draft, on: loop)?.content ?? [:]
        switch rules["join_rule"]?.stringValue {
        case "restricted" where room.version.allowsRestrictedJoins,
            "knock_restricted" where room.version.allowsKnockRestrictedJoins:
            break
        default: return nil
        }
        let allowed = (rules["allow"]?.arrayValue ?? []).compactMap { condition in
            condition["type"] == "m.room_membership" ? condition["room_id"]?.stringValue : nil
        }
        let joined = try await joinedRooms(of: userID, on: loop)
        if Set(joined).isDisjoint(with: allowed) {
            throw MatrixError.forbidden(
                "You do not belong to any of the required rooms to join this room.")
        }
        var state: StateMap<Event> = [:]
        for place in [StateKey.create, .powerLevels] {
            state[place] = try await event(at: place, of: draft, on: loop)
        }
        let levels = PowerLevels(state: state, version: room.version)
        let voucher = room.state.first { place, entry in
            place.type == EventType.member && entry.membership == .join && isLocal(place.key)
                && levels.level(of: UserID(trusted: place.key)) >= levels.invite
        }
        guard let voucher else {
            throw MatrixError(
                400, "M_UNABLE_TO_GRANT_JOIN", "No member of this server may invite to the room")
        }
        return voucher.key.key
    }
}

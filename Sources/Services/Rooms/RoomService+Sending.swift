public import JSON
import Matrix
public import Reactor
import Storage

extension RoomService {
    /// Sends an event, or sets a piece of state when `stateKey` is given. Returns the event's id.
    ///
    /// The same transaction of the same device gives the same event again.
    public func send(
        type: String, stateKey: String?, content: JSON, to roomID: String, sender: EventSender,
        on loop: isolated EventLoop
    ) async throws -> String {
        guard let content = content.objectValue else {
            throw MatrixError.badJSON("The content must be a JSON object")
        }
        if type == EventType.create {
            throw MatrixError.forbidden("m.room.create cannot be sent")
        }
        if stateKey == nil, type == EventType.redaction {
            let target = content["redacts"]?.stringValue ?? ""
            return try await redact(
                target, in: roomID, content: .object(content), sender: sender, on: loop)
        }
        if type == EventType.member, let stateKey {
            return try await setMembership(
                of: stateKey, content: content, in: roomID, sender: sender, on: loop)
        }
        let room = try await joinedRoom(roomID, userID: sender.userID, on: loop)
        if type == EventType.canonicalAlias {
            try await checkCanonicalAlias(content, roomID: roomID, on: loop)
        }
        let proposal = EventProposal(
            type: type, stateKey: stateKey, content: content, sender: sender)
        return try await append(proposal, to: room, on: loop)
    }

    /// Redacts an event. Returns the redaction's id.
    public func redact(
        _ eventID: String, in roomID: String, content: JSON, sender: EventSender,
        on loop: isolated EventLoop
    ) async throws -> String {
        let room = try await joinedRoom(roomID, userID: sender.userID, on: loop)
        guard let target = EventID(eventID),
            let event = try await cache.events([eventID], on: loop)[eventID],
            event.roomID == room.roomID
        else { throw MatrixError.notFound("Event not found") }
        if event.sender.text != sender.userID {
            try await requirePower(.redact, of: sender.userID, in: room, on: loop)
        }
        var kept = content.objectValue ?? [:]
        kept.removeValue(forKey: "redacts")
        let proposal = EventProposal(
            type: EventType.redaction, content: kept, sender: sender, redacts: target)
        return try await append(proposal, to: room, on: loop)
    }

    /// An `m.room.member` event that a client sent as state. The content's profile is the client's.
    private func setMembership(
        of userID: String, content: JSON.Object, in roomID: String, sender: EventSender,
        on loop: isolated EventLoop
    ) async throws -> String {
        guard UserID(userID) != nil else {
            throw MatrixError.invalidParameter("The state key of a membership must be a user id")
        }
        guard let membership = content["membership"]?.stringValue,
            let membership = Membership(rawValue: membership)
        else { throw MatrixError.badJSON("Invalid membership") }
        if membership == .invite { try requireReachable(userID) }
        guard let room = try await rooms.room(roomID, on: loop) else {
            throw MatrixError.forbidden("User \(sender.userID) not in room \(roomID)")
        }
        // Who vouches for a join is this server's to say.
        var content = content
        content.removeValue(forKey: Self.voucherKey)
        if membership == .join, userID == sender.userID, room.membership(of: userID) != .join {
            if sender.isGuest { try await requireGuestAccess(to: room, on: loop) }
            let voucher = try await voucher(for: userID, in: room, on: loop)
            content[Self.voucherKey] = voucher.map { .string($0) }
        }
        let proposal = EventProposal(
            type: EventType.member, stateKey: userID, content: content, sender: sender)
        return try await append(proposal, to: room, on: loop)
    }
}

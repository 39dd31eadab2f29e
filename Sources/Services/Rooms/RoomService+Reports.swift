public import JSON
import Matrix
public import Reactor
public import Storage

extension RoomService {
    /// How long a reason may be.
    private static let reasonBytesMax = 1000

    /// Notes a complaint about an event of a room that the user is in. Throws M_NOT_FOUND otherwise.
    public func report(
        event eventID: String, in roomID: String, _ body: JSON, by reporter: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws {
        let reason = try Self.reason(of: body)
        let refusal = MatrixError.notFound(
            "The event was not found or you are not joined to the room.")
        guard let room = try await rooms.room(roomID, on: loop),
            room.membership(of: reporter.userID) == .join
        else { throw refusal }
        do {
            _ = try await visibleEvent(eventID, in: roomID, for: reporter, on: loop)
        } catch let error as MatrixError {
            throw error.errorCode == "M_NOT_FOUND" ? refusal : error
        }
        var content = JSON([:])
        content["reason"] = reason.map { .string($0) }
        content["score"] = body["score"]?.intValue.map { .integer($0) }
        try await Reports.add(
            eventID: eventID, roomID: roomID, by: reporter.userID, reason: reason,
            content: content.description, now: clock.now, in: pool, on: loop)
    }

    /// Notes a complaint about a room, in which the user need not be. Throws M_NOT_FOUND.
    public func report(
        room roomID: String, _ body: JSON, by reporter: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws {
        guard let reason = try Self.reason(of: body) else {
            throw MatrixError.missingParameter("reason")
        }
        guard try await rooms.room(roomID, on: loop) != nil else {
            throw MatrixError.notFound("The room was not found.")
        }
        try await Reports.add(
            roomID: roomID, by: reporter.userID, reason: reason, now: clock.now, in: pool,
            on: loop)
    }

    /// Notes a complaint about a user. Whether there is such a user nobody learns from it.
    public func report(
        user userID: String, _ body: JSON, by reporter: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws {
        guard UserID(userID) != nil else {
            throw MatrixError.invalidParameter("\(userID) is not a user id")
        }
        guard let reason = try Self.reason(of: body) else {
            throw MatrixError.missingParameter("reason")
        }
        guard isLocal(userID), try await Users.account(userID, in: pool, on: loop) != nil else {
            return
        }
        try await Reports.add(
            target: userID, by: reporter.userID, reason: reason, now: clock.now, in: pool,
            on: loop)
    }

    private static func reason(of body: JSON) throws(MatrixError) -> String? {
        guard let reason = body["reason"], !reason.isNull else { return nil }
        guard let text = reason.stringValue else { throw .badJSON("reason must be a string") }
        guard text.utf8.count <= reasonBytesMax, !text.utf8.contains(0) else {
            throw .invalidParameter("The reason is too long or has zero bytes")
        }
        return text
    }

    /// The visible event of a room that is nearest to a time, from there on or back. Throws M_NOT_FOUND.
    public func event(
        nearest time: Int64, in roomID: String, isBackwards: Bool,
        for reader: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> (eventID: String, timestamp: Int64) {
        _ = try await readableRoom(roomID, userID: reader.userID, on: loop)
        // Some that the reader may not see can be nearer; more than these mean that nothing is to be seen there.
        let found = try await Events.nearest(
            to: time, roomID: roomID, isBackwards: isBackwards, limit: 100, in: pool, on: loop)
        let events = try await Events.events(found.map(\.eventID), in: pool, on: loop)
        let visible = try await VisibilityFilter(userID: reader.userID, cache: cache, pool: pool)
            .visible(events, on: loop)
        let ids = Set(visible.map(\.eventID))
        guard let nearest = found.first(where: { ids.contains($0.eventID) }) else {
            throw MatrixError.notFound(
                "Unable to find event from \(time) in \(isBackwards ? "backward" : "forward") direction"
            )
        }
        return nearest
    }

    /// The aliases of this server that lead to a room, for its members and for everybody if it is world readable.
    public func aliases(
        of roomID: String, for userID: String, on loop: isolated EventLoop
    ) async throws -> [String] {
        let room = try await readableRoom(roomID, userID: userID, on: loop)
        if room.membership(of: userID) != .join {
            let visibility = try await event(
                at: .historyVisibility, of: RoomDraft(room), on: loop)
            guard HistoryVisibility(visibility) == .worldReadable else {
                throw MatrixError.forbidden("User \(userID) not in room \(roomID)")
            }
        }
        return try await RoomAliases.aliases(of: roomID, in: pool, on: loop)
    }
}

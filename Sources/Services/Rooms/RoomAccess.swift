import JSON
import Matrix
import Postgres
import Reactor
import Storage

/// Why a user may read a room, as the tables say: for processes that do not keep rooms in memory.
enum RoomAccess: Sendable, Hashable {
    /// A member, or one who was.
    case member
    /// Everybody may.
    case worldReadable

    /// How a user may read a room; nil if not at all, or if there is no such room.
    static func of(
        _ userID: String, to roomID: String, in pool: PostgresPool, on loop: isolated EventLoop
    ) async throws -> RoomAccess? {
        switch try await Memberships.membership(
            of: userID, roomID: roomID, in: pool, on: loop)
        {
        case "join": return .member
        case "leave", "ban":
            let lastJoin = try await Memberships.lastJoin(
                of: userID, roomID: roomID, in: pool, on: loop)
            if lastJoin != nil { return .member }
        default: break
        }
        let eventID = try await CurrentState.eventID(
            roomID: roomID, type: EventType.historyVisibility, stateKey: "", in: pool, on: loop)
        guard let eventID,
            let event = try await Events.events([eventID], in: pool, on: loop).first
        else { return nil }
        return HistoryVisibility(event.parsed) == .worldReadable ? .worldReadable : nil
    }
}

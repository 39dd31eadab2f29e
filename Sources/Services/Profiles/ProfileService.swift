public import JSON
import Postgres
public import Reactor
public import Storage

/// Profiles, and the filters that users' clients upload.
public final class ProfileService {
    private let settings: HomeserverSettings
    private let pool: PostgresPool
    private let rooms: RoomService

    init(settings: HomeserverSettings, pool: PostgresPool, rooms: RoomService) {
        self.settings = settings
        self.pool = pool
        self.rooms = rooms
    }

    /// A user's profile. Throws M_NOT_FOUND.
    public func profile(
        of userID: String, on loop: isolated EventLoop
    ) async throws -> Profiles.Profile {
        guard userID.hasPrefix("@") else { throw MatrixError.invalidParameter("Invalid user id") }
        guard let profile = try await Profiles.profile(of: userID, in: pool, on: loop) else {
            throw MatrixError.notFound("Profile was not found")
        }
        return profile
    }

    /// Changes a user's profile and shows the change in all rooms that the user is in.
    public func change(
        sender: EventSender, on loop: isolated EventLoop,
        _ change: (inout Profiles.Profile) -> Void
    ) async throws {
        let before = try await Profiles.profile(of: sender.userID, in: pool, on: loop)
        var profile = before ?? Profiles.Profile()
        change(&profile)
        guard profile != before else { return }
        try await Profiles.store(
            profile, userID: sender.userID, localpart: Accounts.localpart(sender.userID),
            in: pool, on: loop)
        for roomID in try await rooms.joinedRooms(of: sender.userID, on: loop) {
            try await rooms.showProfile(profile, in: roomID, sender: sender, on: loop)
        }
    }

    /// Stores a filter for /sync. Returns its id.
    public func storeFilter(
        _ filter: JSON, userID: String, on loop: isolated EventLoop
    ) async throws -> String {
        var bytes: [UInt8] = []
        filter.write(to: &bytes, style: .canonical)
        guard bytes.count <= 64 * 1024 else { throw MatrixError.badJSON("The filter is too long") }
        let id = try await UserFilters.store(
            bytes, userID: userID, localpart: Accounts.localpart(userID), in: pool, on: loop)
        return String(id)
    }

    /// A filter by its id, as JSON text. Throws M_NOT_FOUND.
    public func filter(
        _ id: String, userID: String, on loop: isolated EventLoop
    ) async throws -> [UInt8] {
        guard let number = Int64(id) else {
            throw MatrixError.invalidParameter("Invalid filter id")
        }
        let filter = try await UserFilters.filter(
            userID: userID, filterID: number, in: pool, on: loop)
        guard let filter else { throw MatrixError.notFound("No such filter") }
        return filter
    }
}

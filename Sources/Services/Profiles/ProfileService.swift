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

    /// Everything that a user tells of itself, as a JSON object. Throws M_NOT_FOUND.
    public func fields(of userID: String, on loop: isolated EventLoop) async throws -> JSON {
        let profile = try await profile(of: userID, on: loop)
        var body = JSON([:])
        if let text = try await Profiles.fields(of: userID, in: pool, on: loop) {
            body = try JSON(parsing: text)
        }
        body["displayname"] = profile.displayName.map { .string($0) }
        body["avatar_url"] = profile.avatarURL.map { .string($0) }
        return body
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

    /// The size that a profile must stay below, in bytes.
    private static let profileBytesMax = 65_536
    /// The longest name of a field, in bytes.
    private static let nameBytesMax = 255

    /// Sets a field other than `displayname` and `avatar_url` to any JSON value.
    ///
    /// Throws M_KEY_TOO_LARGE, M_INVALID_PARAM or M_PROFILE_TOO_LARGE.
    public func setField(
        _ name: String, to value: JSON, userID: String, on loop: isolated EventLoop
    ) async throws {
        try Self.check(name)
        var bytes: [UInt8] = []
        value.write(to: &bytes, style: .canonical)
        let text = String(decoding: bytes, as: UTF8.self)
        let isStored = try await Profiles.setField(
            name, to: text, userID: userID, bytesMax: Self.profileBytesMax, in: pool, on: loop)
        guard isStored else {
            _ = try await profile(of: userID, on: loop)
            throw MatrixError(400, "M_PROFILE_TOO_LARGE", "The profile would be too large")
        }
    }

    /// Removes a field other than `displayname` and `avatar_url`.
    public func removeField(
        _ name: String, userID: String, on loop: isolated EventLoop
    ) async throws {
        try Self.check(name)
        try await Profiles.removeField(name, userID: userID, in: pool, on: loop)
    }

    /// `m.tz`, or a name with a namespace: words of small letters, digits and `_` with points between them.
    /// Specification: appendices, "Common Namespaced Identifier Grammar".
    private static func check(_ name: String) throws(MatrixError) {
        guard name.utf8.count <= nameBytesMax else {
            throw MatrixError(400, "M_KEY_TOO_LARGE", "Field names have at most 255 bytes")
        }
        let words = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isRight = words.allSatisfy { word in
            guard let first = word.first, (0x61...0x7A).contains(first) else { return false }
            return word.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F || $0 == 0x2D
            }
        }
        guard isRight, words.count > 1 else {
            throw .invalidParameter("Invalid profile field: \(name)")
        }
    }

    /// Stores a filter for /sync, if /sync would take it. Returns its id. Throws M_BAD_JSON.
    public func storeFilter(
        _ filter: JSON, userID: String, on loop: isolated EventLoop
    ) async throws -> String {
        _ = try SyncFilter(filter)
        var bytes: [UInt8] = []
        filter.write(to: &bytes, style: .canonical)
        guard bytes.count <= SyncFilter.bytesMax else {
            throw MatrixError.badJSON("The filter is too long")
        }
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

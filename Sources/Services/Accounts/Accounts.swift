import Postgres
public import Reactor
public import Storage

/// Accounts, logins and access tokens, on the main process.
public final class Accounts {
    /// A device that has just logged in.
    public struct Login: Sendable, Hashable {
        /// The full user id.
        public let userID: String
        /// The device, old or new.
        public let deviceID: String
        /// The token to use from now on.
        public let accessToken: String
    }

    let settings: HomeserverSettings
    let pool: PostgresPool
    let clock: WallClock
    let sessions: AuthenticationSessions
    let passwords: Passwords
    private let caches: CacheInvalidator
    /// Who the tokens in use speak for.
    public let tokens: TokenCache
    private var lastTokenID: Int64

    init(
        settings: HomeserverSettings, pool: PostgresPool, caches: CacheInvalidator,
        clock: WallClock, on loop: isolated EventLoop
    ) async throws {
        self.settings = settings
        self.pool = pool
        self.clock = clock
        self.caches = caches
        sessions = AuthenticationSessions(clock: clock)
        passwords = Passwords(rounds: settings.bcryptRounds, pepper: settings.passwordPepper)
        tokens = TokenCache(pool: pool, clock: clock)
        lastTokenID = try await AccessTokens.maximumID(in: pool, on: loop)
    }

    /// The full id of a user of this server.
    public func userID(_ localpart: String) -> String { "@\(localpart):\(settings.serverName)" }

    /// The part of a user id between `@` and `:`.
    static func localpart(_ userID: String) -> String {
        let afterSign = userID.dropFirst()
        return String(afterSign[..<(afterSign.firstIndex(of: ":") ?? afterSign.endIndex)])
    }

    /// Gives a device of a user a new token, ending those that it had.
    func logIn(
        userID: String, deviceID: String?, displayName: String?, on loop: isolated EventLoop
    ) async throws -> Login {
        let device = deviceID ?? RandomText.capitals(10)
        guard device.utf8.count <= 512 else {
            throw MatrixError.invalidParameter("device_id must not be longer than 512 bytes")
        }
        let token = AccessTokenText.make(localpart: Self.localpart(userID))
        lastTokenID += 1
        let id = lastTokenID
        let now = clock.now
        let ended = try await pool.transaction(on: loop) { connection in
            try await Devices.add(
                userID: userID, deviceID: device, displayName: displayName, now: now,
                in: connection, on: loop)
            let ended =
                if deviceID == nil {
                    [String]()
                } else {
                    try await AccessTokens.remove(
                        userID: userID, deviceID: device, in: connection, on: loop)
                }
            try await AccessTokens.add(
                id: id, token: token, userID: userID, deviceID: device, validUntil: nil,
                now: now, in: connection, on: loop)
            return ended
        }
        try await forget(ended, on: loop)
        return Login(userID: userID, deviceID: device, accessToken: token)
    }

    /// Ends the device that a token belongs to.
    public func logOut(
        _ token: String, owner: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws {
        guard let deviceID = owner.deviceID else {
            try await AccessTokens.remove(token, in: pool, on: loop)
            return try await forget([token], on: loop)
        }
        try await removeDevices([deviceID], userID: owner.userID, on: loop)
    }

    /// Ends all devices of a user.
    public func logOutEverywhere(userID: String, on loop: isolated EventLoop) async throws {
        let devices = try await Devices.all(userID: userID, in: pool, on: loop)
        try await removeDevices(devices.map(\.deviceID), userID: userID, on: loop)
        let rest = try await AccessTokens.remove(
            userID: userID, deviceID: nil, in: pool, on: loop)
        try await forget(rest, on: loop)
    }

    private func removeDevices(
        _ deviceIDs: [String], userID: String, on loop: isolated EventLoop
    ) async throws {
        let ended = try await pool.transaction(on: loop) { connection in
            try await Devices.remove(
                userID: userID, deviceIDs: deviceIDs, in: connection, on: loop)
            var ended: [String] = []
            for deviceID in deviceIDs {
                ended += try await AccessTokens.remove(
                    userID: userID, deviceID: deviceID, in: connection, on: loop)
            }
            return ended
        }
        try await forget(ended, on: loop)
    }

    /// The devices of a user.
    public func devices(
        userID: String, on loop: isolated EventLoop
    ) async throws -> [Devices.Device] {
        try await Devices.all(userID: userID, in: pool, on: loop)
    }

    /// Makes this process and all others forget tokens that have ended.
    private func forget(_ ended: [String], on loop: isolated EventLoop) async throws {
        tokens.invalidate(ended, on: loop)
        for token in ended {
            try await caches.invalidate(TokenCache.name, keys: [token], on: loop)
        }
    }
}

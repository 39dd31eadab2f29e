import Configuration
import Postgres
public import Reactor
public import Storage

/// Accounts, logins and access tokens, on the main process.
public final class Accounts {
    /// A device that has just logged in, or refreshed its login.
    public struct Login: Sendable, Hashable {
        /// The full user id.
        public let userID: String
        /// The device, old or new.
        public let deviceID: String
        /// The token to use from now on.
        public let accessToken: String
        /// The token to get the next one with, for devices that asked for it.
        public let refreshToken: String?
        /// How long the access token lasts; nil for ever.
        public let lifetimeMilliseconds: Int64?
    }

    let settings: HomeserverSettings
    let pool: PostgresPool
    let clock: WallClock
    let limits: ClientLimits
    let authentication: InteractiveAuthentication
    let passwords: Passwords
    let devices: DeviceService
    let lists: DeviceListChanges
    /// Nonces of registrations by shared secret, each with the time at which it ends.
    var nonces: [String: Int64] = [:]
    /// Takes closed accounts out of their rooms.
    var partings: Partings?
    /// Who the tokens in use speak for.
    public let tokens: TokenCache
    private var lastTokenID: Int64
    private var lastRefreshTokenID: Int64

    init(
        settings: HomeserverSettings, pool: PostgresPool, devices: DeviceService,
        lists: DeviceListChanges, tokens: TokenCache, limits: ClientLimits, clock: WallClock,
        on loop: isolated EventLoop
    ) async throws {
        self.settings = settings
        self.pool = pool
        self.clock = clock
        self.limits = limits
        self.devices = devices
        self.lists = lists
        self.tokens = tokens
        authentication = InteractiveAuthentication(clock: clock)
        passwords = Passwords(rounds: settings.bcryptRounds, pepper: settings.passwordPepper)
        lastTokenID = try await AccessTokens.maximumID(in: pool, on: loop)
        lastRefreshTokenID = try await RefreshTokens.maximumID(in: pool, on: loop)
    }

    /// The full id of a user of this server.
    public func userID(_ localpart: String) -> String { "@\(localpart):\(settings.serverName)" }

    /// The part of a user id between `@` and `:`.
    static func localpart(_ userID: String) -> String {
        let afterSign = userID.dropFirst()
        return String(afterSign[..<(afterSign.firstIndex(of: ":") ?? afterSign.endIndex)])
    }

    /// What a device that logs in wants.
    struct DeviceWish {
        var deviceID: String?
        var displayName: String?
        var refreshes = false
    }

    /// Gives a device of a user a new token, ending those that it had.
    func logIn(
        userID: String, _ wish: DeviceWish, on loop: isolated EventLoop
    ) async throws -> Login {
        let deviceID = wish.deviceID ?? RandomText.capitals(10)
        guard !deviceID.isEmpty, deviceID.utf8.count <= 512 else {
            throw MatrixError.invalidParameter("device_id must have 1 to 512 bytes")
        }
        let name = wish.displayName.map { String($0.prefix(100)) }
        let made = makeTokens(userID: userID, refreshes: wish.refreshes, sessionEndsAt: nil)
        let now = clock.now
        let ended = try await lists.change(of: userID, on: loop) { connection in
            let isNew = try await Devices.add(
                userID: userID, deviceID: deviceID, displayName: name, now: now,
                in: connection, on: loop)
            var ended: [String] = []
            if !isNew {
                ended = try await AccessTokens.remove(
                    userID: userID, deviceIDs: [deviceID], in: connection, on: loop)
                try await RefreshTokens.remove(
                    userID: userID, deviceIDs: [deviceID], in: connection, on: loop)
            }
            try await store(made, userID, deviceID, in: connection, on: loop)
            return (ended, isNew ? [deviceID] : [])
        }
        try await devices.forget(ended, on: loop)
        return login(made, userID: userID, deviceID: deviceID)
    }

    // MARK: Tokens

    /// Tokens that are not stored yet.
    struct NewTokens {
        let id: Int64
        let text: String
        let expiresAt: Int64?
        let refresh: (id: Int64, text: String, expiresAt: Int64?)?
        let sessionEndsAt: Int64?
        let lifetime: Int64?
    }

    /// Makes tokens; a login that is refreshed keeps its end.
    func makeTokens(userID: String, refreshes: Bool, sessionEndsAt: Int64?) -> NewTokens {
        let now = clock.now
        let lifetimes = settings.sessions
        let localpart = Self.localpart(userID)
        lastTokenID += 1
        let sessionEnd = sessionEndsAt ?? lifetimes.session.map { now + $0.milliseconds }
        let wanted = refreshes ? lifetimes.refreshableToken : lifetimes.plainToken
        let ends = [wanted.map { now + $0.milliseconds }, sessionEnd].compactMap(\.self).min()
        var refresh: (id: Int64, text: String, expiresAt: Int64?)?
        if refreshes {
            lastRefreshTokenID += 1
            let end = [lifetimes.refreshToken.map { now + $0.milliseconds }, sessionEnd]
                .compactMap(\.self).min()
            refresh = (
                lastRefreshTokenID, AccessTokenText.make(localpart: localpart, kind: "syr"), end
            )
        }
        return NewTokens(
            id: lastTokenID, text: AccessTokenText.make(localpart: localpart), expiresAt: ends,
            refresh: refresh, sessionEndsAt: sessionEnd, lifetime: ends.map { $0 - now })
    }

    func store(
        _ made: NewTokens, _ userID: String, _ deviceID: String,
        in connection: PostgresConnection, on loop: isolated EventLoop
    ) async throws {
        if let refresh = made.refresh {
            try await RefreshTokens.add(
                id: refresh.id, token: refresh.text, userID: userID, deviceID: deviceID,
                expiresAt: refresh.expiresAt, sessionEndsAt: made.sessionEndsAt, in: connection,
                on: loop)
        }
        try await AccessTokens.add(
            id: made.id, token: made.text, userID: userID, deviceID: deviceID,
            validUntil: made.expiresAt, refreshTokenID: made.refresh?.id, now: clock.now,
            in: connection, on: loop)
    }

    func login(_ made: NewTokens, userID: String, deviceID: String) -> Login {
        Login(
            userID: userID, deviceID: deviceID, accessToken: made.text,
            refreshToken: made.refresh?.text, lifetimeMilliseconds: made.lifetime)
    }

    // MARK: The end of logins

    /// Ends the device that a token belongs to.
    public func logOut(
        _ token: String, owner: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws {
        guard let deviceID = owner.deviceID else {
            try await AccessTokens.remove(token, in: pool, on: loop)
            return try await devices.forget([token], on: loop)
        }
        try await devices.remove([deviceID], userID: owner.userID, on: loop)
    }

    /// Ends all devices of a user.
    public func logOutEverywhere(userID: String, on loop: isolated EventLoop) async throws {
        try await devices.removeAll(userID: userID, on: loop)
    }
}

extension Accounts {
    /// The e-mail addresses and telephone numbers of an account.
    public func threePIDs(
        userID: String, on loop: isolated EventLoop
    ) async throws -> [UserThreePIDs.Address] {
        try await UserThreePIDs.all(userID: userID, in: pool, on: loop)
    }
}

import Configuration
import JSON
import Postgres
public import Reactor
public import Storage

extension Accounts {
    /// Exchanges a refresh token for new tokens. Throws M_UNKNOWN_TOKEN.
    ///
    /// The exchange may be repeated until the new tokens have been used, and then gives others; the earlier ones end.
    public func refresh(_ token: String, on loop: isolated EventLoop) async throws -> Login {
        let refusal = MatrixError(
            401, "M_UNKNOWN_TOKEN", "The refresh token is not valid",
            details: ["soft_logout": false])
        guard let found = try await RefreshTokens.find(token, in: pool, on: loop),
            !(found.nextID != nil && found.isNextUsed)
        else { throw refusal }
        let now = clock.now
        let end = [found.expiresAt, found.sessionEndsAt].compactMap(\.self).min()
        if let end, end < now { throw refusal }
        let made = makeTokens(
            userID: found.userID, refreshes: true, sessionEndsAt: found.sessionEndsAt)
        guard let refresh = made.refresh else { throw refusal }
        let ended = try await pool.transaction(on: loop) { connection -> [String]? in
            guard
                let ended = try await RefreshTokens.exchange(
                    found, for: refresh.id, in: connection, on: loop)
            else { return nil }
            try await store(made, found.userID, found.deviceID, in: connection, on: loop)
            return ended
        }
        guard let ended else { throw refusal }
        try await devices.forget(ended, on: loop)
        return login(made, userID: found.userID, deviceID: found.deviceID)
    }

    /// Makes a token that logs one more device of the user in. Throws a challenge where the user has to prove itself.
    ///
    /// Returns it with its lifetime in milliseconds.
    public func makeLoginToken(
        _ request: InteractiveRequest, owner: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> (token: String, lifetimeMilliseconds: Int64) {
        guard settings.sessions.allowsLoginTokens else {
            throw MatrixError(404, "M_UNRECOGNIZED", "Unrecognized request")
        }
        if settings.sessions.loginTokensNeedAuthentication {
            try await proveOwner(request, owner, on: loop)
        }
        let lifetime = settings.sessions.loginToken.milliseconds
        let token = AccessTokenText.make(
            localpart: Self.localpart(owner.userID), kind: "syl")
        try await LoginTokens.add(
            token, userID: owner.userID, expiresAt: clock.now + lifetime, in: pool, on: loop)
        return (token, lifetime)
    }

    /// Has the owner of a token prove by the password that it is really them. Throws a challenge (401) until then.
    public func proveOwner(
        _ request: InteractiveRequest, _ owner: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws {
        let flows = InteractiveAuthentication.Flows(
            stages: [["m.login.password"]], bindsBody: true, userID: owner.userID)
        let session = try await authentication.authenticate(request, flows, on: loop) {
            _, auth in
            let userID = try await self.userID(provingPassword: auth, on: loop)
            guard userID == owner.userID else {
                throw MatrixError.forbidden("Cannot authenticate as another user")
            }
        }
        authentication.finish(session)
    }

    /// Makes a token by which others learn who the user is; it lasts for an hour.
    public func makeOpenIDToken(
        userID: String, on loop: isolated EventLoop
    ) async throws -> (token: String, lifetimeMilliseconds: Int64) {
        let lifetime: Int64 = 3_600_000
        let token = RandomText.letters(24)
        try await OpenIDTokens.add(
            token, userID: userID, expiresAt: clock.now + lifetime, in: pool, on: loop)
        return (token, lifetime)
    }

    /// Forgets tokens that have ended by themselves.
    func prune(on loop: isolated EventLoop) async throws {
        try await LoginTokens.prune(before: clock.now, in: pool, on: loop)
        try await OpenIDTokens.prune(before: clock.now, in: pool, on: loop)
    }
}

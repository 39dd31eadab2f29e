public import JSON
import Matrix
import Postgres
public import Reactor
import Storage

extension Accounts {
    /// Makes an account, and unless `inhibit_login` is set logs its first device in.
    ///
    /// Answers with the challenge of user-interactive authentication (a 401) until the request carries an
    /// `auth` member that passes it. A request that is repeated with the session of one that succeeded logs in again.
    public func register(
        _ request: InteractiveRequest, on loop: isolated EventLoop
    ) async throws -> (userID: String, login: Login?) {
        guard settings.isRegistrationEnabled else {
            throw MatrixError.forbidden("Registration has been disabled")
        }
        try limits.registration.take(for: request.address, isPeek: true)
        let body = request.body
        let wish = try Self.wish(body)
        let inhibitsLogin = body["inhibit_login"]?.boolValue == true
        if let session = body["auth"]?["session"]?.stringValue,
            let userID = authentication.result(of: session)
        {
            return (userID, inhibitsLogin ? nil : try await logIn(userID: userID, wish, on: loop))
        }
        let localpart = try await localpart(of: body, on: loop)
        let flows = InteractiveAuthentication.Flows(
            stages: [["m.login.dummy"]], bindsBody: false, userID: nil)
        let session = try await authentication.authenticate(request, flows, on: loop) { _, _ in }
        let password = try Self.newPassword(body, "password")
        try limits.registration.take(for: request.address)
        let hash = try await passwords.hash(password, on: loop)
        let account = NewAccount(localpart: localpart, passwordHash: hash, displayName: localpart)
        let userID = try await create(account, on: loop)
        authentication.finish(session, result: userID)
        if inhibitsLogin { return (userID, nil) }
        return (userID, try await logIn(userID: userID, wish, on: loop))
    }

    /// Makes an account for somebody who looks around, and logs it in. Throws M_GUEST_ACCESS_FORBIDDEN.
    public func registerGuest(
        _ body: JSON, address: String, on loop: isolated EventLoop
    ) async throws -> Login {
        guard settings.allowsGuests else {
            throw MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guest access is disabled")
        }
        // A guest's device is always a new one: the body's wishes about it are ignored but for its name.
        var wish = try Self.wish(body)
        wish.deviceID = nil
        wish.refreshes = false
        try limits.registration.take(for: address)
        let number = try await Users.nextNumber(in: pool, on: loop)
        let userID = try await create(
            NewAccount(localpart: "\(number)", displayName: "\(number)", isGuest: true), on: loop)
        return try await logIn(userID: userID, wish, on: loop)
    }

    /// Throws unless an account of this name could be made.
    public func checkAvailable(_ localpart: String, on loop: isolated EventLoop) async throws {
        guard settings.isRegistrationEnabled else {
            throw MatrixError.forbidden("Registration has been disabled")
        }
        try checkLocalpart(localpart)
        try await requireFree(localpart, on: loop)
    }

    // MARK: Parts

    /// An account that is to be made.
    struct NewAccount {
        var localpart: String
        var passwordHash: String?
        var displayName: String
        var isAdmin = false
        var isGuest = false
        var userType: String?
    }

    /// Makes an account with a profile. Throws M_USER_IN_USE.
    func create(_ account: NewAccount, on loop: isolated EventLoop) async throws -> String {
        let userID = userID(account.localpart)
        let now = clock.now
        let isNew = try await pool.transaction(on: loop) { connection in
            let isNew = try await Users.create(
                userID: userID, passwordHash: account.passwordHash, createdAt: now / 1000,
                isAdmin: account.isAdmin, isGuest: account.isGuest, userType: account.userType,
                in: connection, on: loop)
            if isNew {
                try await Profiles.store(
                    Profiles.Profile(displayName: account.displayName), userID: userID,
                    localpart: account.localpart, in: connection, on: loop)
            }
            return isNew
        }
        guard isNew else { throw Self.inUse }
        return userID
    }

    /// The localpart that a request asks for and may have, or a made-up one.
    private func localpart(of body: JSON, on loop: isolated EventLoop) async throws -> String {
        guard let username = body["username"], !username.isNull else {
            return RandomText.letters(12).lowercased()
        }
        guard let text = username.stringValue else {
            throw MatrixError.badJSON("username must be a string")
        }
        try checkLocalpart(text)
        try await requireFree(text, on: loop)
        return text
    }

    /// A password that can be hashed. Throws M_MISSING_PARAM, M_BAD_JSON or M_WEAK_PASSWORD.
    static func newPassword(_ body: JSON, _ key: String) throws(MatrixError) -> String {
        guard let value = body[key] else { throw .missingParameter(key) }
        guard let password = value.stringValue else { throw .badJSON("\(key) must be a string") }
        guard !password.isEmpty else { throw .missingParameter(key) }
        guard password.utf8.count <= Passwords.bytesMax, !password.utf8.contains(0) else {
            throw MatrixError(400, "M_WEAK_PASSWORD", "This password cannot be used")
        }
        return password
    }

    private static let inUse = MatrixError(400, "M_USER_IN_USE", "User ID already taken.")

    func requireFree(_ localpart: String, on loop: isolated EventLoop) async throws {
        let account = try await Users.account(userID(localpart), in: pool, on: loop)
        if account != nil { throw Self.inUse }
    }

    /// Throws M_INVALID_USERNAME, or M_EXCLUSIVE for a name that belongs to an application service.
    func checkLocalpart(_ localpart: String) throws(MatrixError) {
        guard UserID.isRegistrable(localpart: localpart) else {
            throw MatrixError(
                400, "M_INVALID_USERNAME",
                "User ID can only contain characters a-z, 0-9, or '_./=-+'")
        }
        guard !localpart.hasPrefix("_") else {
            throw MatrixError(400, "M_INVALID_USERNAME", "User ID may not begin with _")
        }
        guard localpart.utf8.contains(where: { !(0x30...0x39).contains($0) }) else {
            throw MatrixError(
                400, "M_INVALID_USERNAME", "Numeric user IDs are reserved for guest users.")
        }
        guard userID(localpart).utf8.count <= 255 else {
            throw MatrixError(400, "M_INVALID_USERNAME", "User ID may not be longer than 255 bytes")
        }
        guard !settings.isExclusive(localpart) else {
            throw MatrixError(
                400, "M_EXCLUSIVE", "This user ID is reserved by an application service.")
        }
    }
}

public import JSON
import Postgres
public import Reactor
import Storage

extension Accounts {
    /// Makes an account, and unless `inhibit_login` is set logs its first device in.
    ///
    /// Answers with the challenge of user-interactive authentication (a 401) until the request carries an
    /// `auth` member that passes it.
    public func register(
        _ request: JSON, on loop: isolated EventLoop
    ) async throws -> (userID: String, login: Login?) {
        guard settings.isRegistrationEnabled else {
            throw MatrixError.forbidden("Registration has been disabled")
        }
        let localpart: String
        if let username = request["username"], !username.isNull {
            guard let text = username.stringValue else {
                throw MatrixError.badJSON("username must be a string")
            }
            localpart = text
            try checkLocalpart(text)
            try await requireFree(text, on: loop)
        } else {
            localpart = RandomText.letters(12).lowercased()
        }
        try sessions.requireDummy(request["auth"])
        guard let password = request["password"]?.stringValue, !password.isEmpty else {
            throw MatrixError.missingParameter("password")
        }
        guard password.utf8.count <= Passwords.bytesMax, !password.utf8.contains(0) else {
            throw MatrixError(400, "M_WEAK_PASSWORD", "This password cannot be used")
        }
        let userID = userID(localpart)
        let hash = try await passwords.hash(password, on: loop)
        let now = clock.now
        let isNew = try await pool.transaction(on: loop) { connection in
            let isNew = try await Users.create(
                userID: userID, passwordHash: hash, createdAt: now / 1000, in: connection,
                on: loop)
            if isNew {
                try await Profiles.store(
                    Profiles.Profile(displayName: localpart), userID: userID,
                    localpart: localpart, in: connection, on: loop)
            }
            return isNew
        }
        guard isNew else { throw Self.inUse }
        if request["inhibit_login"]?.boolValue == true { return (userID, nil) }
        let login = try await logIn(
            userID: userID, deviceID: request["device_id"]?.stringValue,
            displayName: request["initial_device_display_name"]?.stringValue, on: loop)
        return (userID, login)
    }

    /// Throws unless an account of this name could be made.
    public func checkAvailable(_ localpart: String, on loop: isolated EventLoop) async throws {
        guard settings.isRegistrationEnabled else {
            throw MatrixError.forbidden("Registration has been disabled")
        }
        try checkLocalpart(localpart)
        try await requireFree(localpart, on: loop)
    }

    private static let inUse = MatrixError(400, "M_USER_IN_USE", "User ID already taken.")

    private func requireFree(_ localpart: String, on loop: isolated EventLoop) async throws {
        let account = try await Users.account(userID(localpart), in: pool, on: loop)
        if account != nil { throw Self.inUse }
    }

    private func checkLocalpart(_ localpart: String) throws(MatrixError) {
        let isAllowed = localpart.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "="), UInt8(ascii: "-"),
                UInt8(ascii: "/"), UInt8(ascii: "+"):
                true
            default: false
            }
        }
        guard isAllowed, !localpart.isEmpty else {
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
    }
}

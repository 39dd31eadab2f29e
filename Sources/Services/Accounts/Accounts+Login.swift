import Configuration
public import JSON
import Matrix
public import Reactor
import Storage

extension Accounts {
    /// Logs a device in with a password or a token. `address` is where the request came from.
    public func logIn(
        _ request: JSON, address: String = "", on loop: isolated EventLoop
    ) async throws -> Login {
        guard let type = request["type"] else { throw MatrixError.missingParameter("type") }
        guard let type = type.stringValue else {
            throw MatrixError.badJSON("type must be a string")
        }
        let wish = try Self.wish(request)
        switch type {
        case "m.login.password":
            try limits.loginAddress.take(for: address)
            let userID = try await userID(provingPassword: request, on: loop)
            try limits.loginAccount.take(for: userID)
            return try await logIn(userID: userID, wish, on: loop)
        case "m.login.token" where settings.sessions.allowsLoginTokens:
            try limits.loginAddress.take(for: address)
            guard let token = request["token"]?.stringValue else {
                throw MatrixError.missingParameter("token")
            }
            let used = try await LoginTokens.use(token, now: clock.now, in: pool, on: loop)
            guard let userID = used,
                let account = try await Users.account(userID, in: pool, on: loop),
                !account.isDeactivated
            else { throw MatrixError.forbidden("Invalid login token") }
            try limits.loginAccount.take(for: userID)
            return try await logIn(userID: userID, wish, on: loop)
        case "m.login.application_service":
            throw MatrixError(401, "M_MISSING_TOKEN", "Only application services log in so")
        default: throw MatrixError(400, "M_UNKNOWN", "Unknown login type \(type)")
        }
    }

    /// What a request says of the device that is to be logged in.
    static func wish(_ request: JSON) throws(MatrixError) -> DeviceWish {
        func text(_ key: String) throws(MatrixError) -> String? {
            guard let value = request[key], !value.isNull else { return nil }
            guard let text = value.stringValue else { throw .badJSON("\(key) must be a string") }
            return text
        }
        var wish = DeviceWish(
            deviceID: try text("device_id"),
            displayName: try text("initial_device_display_name"))
        if let refreshes = request["refresh_token"] {
            guard let value = refreshes.boolValue else {
                throw .badJSON("refresh_token must be a boolean")
            }
            wish.refreshes = value
        }
        return wish
    }

    /// The account whose password a request knows. Throws M_FORBIDDEN.
    func userID(provingPassword request: JSON, on loop: isolated EventLoop) async throws -> String {
        guard let password = request["password"] else {
            throw MatrixError.missingParameter("password")
        }
        guard let password = password.stringValue else {
            throw MatrixError.badJSON("password must be a string")
        }
        let refusal = MatrixError.forbidden("Invalid username or password")
        let named = try Self.userName(request)
        guard let userID = localUserID(named) else { throw refusal }
        let limited = userID.lowercased()
        try limits.loginFailures.take(for: limited, isPeek: true)
        guard password.utf8.count <= Passwords.bytesMax, !password.utf8.contains(0),
            let account = try await account(userID, on: loop), let hash = account.passwordHash,
            try await passwords.verify(password, against: hash, on: loop)
        else {
            // A deactivated account has no password any more; its owner is told why.
            if try await account(userID, on: loop)?.isDeactivated == true {
                throw MatrixError(403, "M_USER_DEACTIVATED", "This account has been deactivated")
            }
            try limits.loginFailures.take(for: limited)
            throw refusal
        }
        return account.userID
    }

    /// The full id of a user of this server that is named by it or by the localpart alone.
    private func localUserID(_ named: String) -> String? {
        guard named.hasPrefix("@") else { return userID(named) }
        return named.hasSuffix(":\(settings.serverName)") ? named : nil
    }

    /// Finds an account; people type capitals, which new user ids do not have.
    private func account(
        _ userID: String, on loop: isolated EventLoop
    ) async throws -> Users.Account? {
        if let account = try await Users.account(userID, in: pool, on: loop) { return account }
        let lowercased = userID.lowercased()
        guard lowercased != userID else { return nil }
        return try await Users.account(lowercased, in: pool, on: loop)
    }

    /// The user that a request names, by `identifier` or by the older `user`.
    private static func userName(_ request: JSON) throws(MatrixError) -> String {
        if let identifier = request["identifier"] {
            switch identifier["type"]?.stringValue {
            case "m.id.user":
                guard let user = identifier["user"]?.stringValue else {
                    throw .missingParameter("identifier.user")
                }
                return user
            case "m.id.thirdparty", "m.id.phone":
                // No account of this server has an address, so none can match.
                throw .forbidden("Invalid username or password")
            case nil: throw .missingParameter("identifier.type")
            default: throw MatrixError(400, "M_UNKNOWN", "Unknown login identifier type")
            }
        }
        if request["user"] == nil, request["medium"]?.stringValue != nil {
            throw .forbidden("Invalid username or password")
        }
        guard let user = request["user"]?.stringValue else {
            throw .missingParameter("identifier")
        }
        return user
    }
}

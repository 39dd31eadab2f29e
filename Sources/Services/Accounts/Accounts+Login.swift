public import JSON
public import Reactor
import Storage

extension Accounts {
    /// Logs a device in with a password.
    public func logIn(_ request: JSON, on loop: isolated EventLoop) async throws -> Login {
        guard let type = request["type"]?.stringValue else {
            throw MatrixError.missingParameter("type")
        }
        guard type == "m.login.password" else {
            throw MatrixError(400, "M_UNKNOWN", "Unknown login type \(type)")
        }
        guard let password = request["password"]?.stringValue else {
            throw MatrixError.missingParameter("password")
        }
        let refusal = MatrixError.forbidden("Invalid username or password")
        let named = try Self.userName(request)
        let userID: String
        if named.hasPrefix("@") {
            guard named.hasSuffix(":\(settings.serverName)") else { throw refusal }
            userID = named
        } else {
            userID = self.userID(named)
        }
        guard password.utf8.count <= Passwords.bytesMax, !password.utf8.contains(0),
            let account = try await account(userID, on: loop), let hash = account.passwordHash,
            try await passwords.verify(password, against: hash, on: loop)
        else { throw refusal }
        guard !account.isDeactivated else {
            throw MatrixError(403, "M_USER_DEACTIVATED", "This account has been deactivated")
        }
        return try await logIn(
            userID: account.userID, deviceID: request["device_id"]?.stringValue,
            displayName: request["initial_device_display_name"]?.stringValue, on: loop)
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
            guard identifier["type"]?.stringValue == "m.id.user" else {
                throw MatrixError(400, "M_UNKNOWN", "Unknown login identifier type")
            }
            guard let user = identifier["user"]?.stringValue else {
                throw .missingParameter("identifier.user")
            }
            return user
        }
        guard let user = request["user"]?.stringValue else {
            throw .missingParameter("identifier")
        }
        return user
    }
}

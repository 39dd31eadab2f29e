import JSON
import Postgres
public import Reactor
public import Storage

extension Accounts {
    /// Gives an account another password, and unless asked not to ends its other devices. Throws a challenge (401) until
    /// the user has proved itself.
    public func changePassword(
        _ request: InteractiveRequest, token: String, owner: AccessTokens.Owner,
        on loop: isolated EventLoop
    ) async throws {
        let password = try Self.newPassword(request.body, "new_password")
        if let value = request.body["logout_devices"], value.boolValue == nil {
            throw MatrixError.badJSON("logout_devices must be a boolean")
        }
        try await proveOwner(request, owner, on: loop)
        let hash = try await passwords.hash(password, on: loop)
        try await Users.setPassword(hash, userID: owner.userID, in: pool, on: loop)
        guard request.body["logout_devices"]?.boolValue ?? true else { return }
        try await devices.removeAll(
            userID: owner.userID, exceptDevice: owner.deviceID, exceptToken: token, on: loop)
    }

    /// Closes an account for good: its password, devices, keys and data go, and it leaves its rooms, which may take a
    /// while. Throws a challenge (401) until the user has proved itself.
    ///
    /// With `erase` in the body its profile goes too, and what it wrote is not shown to those who come later.
    public func deactivate(
        _ request: InteractiveRequest, owner: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws {
        var erases = false
        if let value = request.body["erase"] {
            guard let flag = value.boolValue else {
                throw MatrixError.badJSON("erase must be a boolean")
            }
            erases = flag
        }
        try await proveOwner(request, owner, on: loop)
        try await deactivate(owner.userID, erases: erases, on: loop)
    }

    /// Closes an account for good, whoever decided it.
    func deactivate(
        _ userID: String, erases: Bool, on loop: isolated EventLoop
    ) async throws {
        // First nobody can get in any more; what is left of it is cleared away afterwards.
        let isClosed = try await pool.transaction(on: loop) { connection in
            let isClosed = try await Deactivations.close(
                userID, erases: erases, in: connection, on: loop)
            if isClosed {
                try await RefreshTokens.remove(
                    userID: userID, deviceIDs: nil, in: connection, on: loop)
            }
            return isClosed
        }
        guard isClosed else { return }
        try await devices.removeAll(userID: userID, on: loop)
        partings?.start(on: loop)
    }
}

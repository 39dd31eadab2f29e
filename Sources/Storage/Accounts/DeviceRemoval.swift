public import Postgres
public import Reactor

/// Takes devices out of every table that knows them.
public enum DeviceRemoval {
    /// Forgets devices with their keys, their waiting messages and their tokens. To be run in a transaction.
    ///
    /// Returns the access tokens that ended.
    public static func remove(
        userID: String, deviceIDs: [String], in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        guard !deviceIDs.isEmpty else { return [] }
        var commands = [
            Devices.deletion(userID: userID, deviceIDs: deviceIDs),
            DeviceKeys.deletion(userID: userID, deviceIDs: deviceIDs),
            DeviceInbox.deletion(userID: userID, deviceIDs: deviceIDs),
            CrossSigning.deletion(userID: userID, deviceIDs: deviceIDs),
        ]
        commands += OneTimeKeys.deletions(userID: userID, deviceIDs: deviceIDs)
        _ = try await database.queryAll(commands, on: loop)
        try await RefreshTokens.remove(
            userID: userID, deviceIDs: deviceIDs, in: database, on: loop)
        return try await AccessTokens.remove(
            userID: userID, deviceIDs: deviceIDs, in: database, on: loop)
    }
}

/// The tables of the database, as steps that are applied once each and never changed afterwards.
///
/// A later version of Beamline adds steps at the end. A step's name is recorded in `applied_schema_deltas`.
public enum Schema {
    /// Some statements that belong together.
    struct Step: Sendable {
        /// What `applied_schema_deltas` calls it.
        let name: String
        /// Statements separated by semicolons.
        let script: String
    }

    /// Every step, in order.
    static let steps: [Step] = [
        Step(name: "beamline/001_first_light.sql", script: firstLight.joined(separator: "\n")),
        Step(name: "beamline/002_accounts.sql", script: accounts.joined(separator: "\n")),
        Step(name: "beamline/003_threads.sql", script: Threads.schema),
        Step(
            name: "beamline/004_room_directory.sql",
            script: PublicRooms.schema + "\n" + Reports.schema),
    ]

    private static let accounts: [String] = [
        Users.numbers, RefreshTokens.schema, LoginTokens.schema, OpenIDTokens.schema,
        Deactivations.schema, UserThreePIDs.schema, UserIPs.schema, DeviceKeys.schema,
        OneTimeKeys.schema, CrossSigning.schema, DeviceLists.schema, DeviceInbox.schema,
        DeviceTransactions.schema,
        PresenceStates.schema,
    ]

    private static let firstLight: [String] = [
        Users.schema, AccessTokens.schema, Devices.schema, Profiles.schema, UserFilters.schema,
        AccountData.schema, RoomTags.schema, IgnoredUsers.schema,
        Rooms.schema, RoomAliases.schema, Receipts.schema,
        Events.schema, EventGraph.schema, CurrentState.schema, StateGroups.schema,
        Memberships.schema, Redactions.schema, EventTransactions.schema, EventRelations.schema,
        CacheInvalidations.schema, StreamPositions.schema,
    ]
}

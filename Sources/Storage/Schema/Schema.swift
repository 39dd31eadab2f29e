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
        Step(name: "beamline/010_indexes.sql", script: indexes),
        Step(name: "beamline/011_room_listings.sql", script: RoomListings.schema),
        Step(name: "beamline/020_push.sql", script: push.joined(separator: "\n")),
        Step(
            name: "beamline/021_pushers.sql",
            script: Pushers.schema + "\n" + PushPositions.formerMembers),
    ]

    /// What the plans of all statements on a million events have shown (`StatementPlansTests`).
    private static let indexes = """
        -- Replication catches up by stream id, across users: account_data_updates, room_tags_updates, and what
        -- the process asks at its start.
        CREATE INDEX account_data_position ON account_data (stream_id);
        CREATE INDEX room_account_data_position ON room_account_data (stream_id);
        CREATE INDEX room_tags_revisions_position ON room_tags_revisions (stream_id);

        -- Each is the beginning of another index of its table.
        DROP INDEX ev_extrem_id;
        DROP INDEX ev_b_extrem_id;
        DROP INDEX room_memberships_user_id;
        -- No statement asks for these, and no foreign key does.
        DROP INDEX events_ts;
        DROP INDEX current_state_events_stream_ordering_idx;
        DROP INDEX room_memberships_stream_ordering_idx;
        DROP INDEX local_current_membership_stream_ordering_idx;
        """

    private static let accounts: [String] = [
        Users.numbers, RefreshTokens.schema, LoginTokens.schema, OpenIDTokens.schema,
        Deactivations.schema, UserThreePIDs.schema, UserIPs.schema, DeviceKeys.schema,
        OneTimeKeys.schema, CrossSigning.schema, DeviceLists.schema, DeviceInbox.schema,
        DeviceTransactions.schema,
        PresenceStates.schema,
    ]

    private static let push: [String] = [
        PushRules.schema, PushActions.schema, PushPositions.schema,
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

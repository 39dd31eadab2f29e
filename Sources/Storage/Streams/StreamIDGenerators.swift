public import Postgres
public import Reactor

/// The id generators of the main process, one per sequence.
public final class StreamIDGenerators {
    /// Positions of events.
    public let events: StreamIDGenerator
    /// Positions of receipts.
    public let receipts: StreamIDGenerator
    /// Positions of account data and tags.
    public let accountData: StreamIDGenerator
    /// Positions of cache invalidations.
    public let caches: StreamIDGenerator
    /// Positions of device lists and of signatures of users.
    public let deviceLists: StreamIDGenerator
    /// Positions of messages to devices.
    public let toDevice: StreamIDGenerator
    /// Positions of presence.
    public let presence: StreamIDGenerator
    /// Positions of push rules.
    public let pushRules: StreamIDGenerator
    /// Positions of pushers.
    public let pushers: StreamIDGenerator
    /// Positions of the list of published rooms.
    public let publicRooms: StreamIDGenerator
    /// Numbers of state groups, of which only the uniqueness matters.
    public let stateGroups: StreamIDGenerator

    private static let eventIDs = Statement(
        "next_events",
        "SELECT nextval('events_stream_seq') FROM generate_series(1, $1::bigint)")
    private static let receiptIDs = Statement(
        "next_receipts",
        "SELECT nextval('receipts_sequence') FROM generate_series(1, $1::bigint)")
    private static let accountDataIDs = Statement(
        "next_account_data",
        "SELECT nextval('account_data_sequence') FROM generate_series(1, $1::bigint)")
    private static let cacheIDs = Statement(
        "next_caches",
        "SELECT nextval('cache_invalidation_stream_seq') FROM generate_series(1, $1::bigint)")
    private static let deviceListIDs = Statement(
        "next_device_lists",
        "SELECT nextval('device_lists_sequence') FROM generate_series(1, $1::bigint)")
    private static let toDeviceIDs = Statement(
        "next_to_device",
        "SELECT nextval('device_inbox_sequence') FROM generate_series(1, $1::bigint)")
    private static let presenceIDs = Statement(
        "next_presence",
        "SELECT nextval('presence_stream_sequence') FROM generate_series(1, $1::bigint)")
    private static let pushRuleIDs = Statement(
        "next_push_rules",
        "SELECT nextval('push_rules_stream_sequence') FROM generate_series(1, $1::bigint)")
    private static let pusherIDs = Statement(
        "next_pushers",
        "SELECT nextval('pushers_sequence') FROM generate_series(1, $1::bigint)")
    private static let publicRoomIDs = Statement(
        "next_public_rooms",
        "SELECT nextval('public_room_list_sequence') FROM generate_series(1, $1::bigint)")
    private static let stateGroupIDs = Statement(
        "next_state_groups",
        "SELECT nextval('state_group_id_seq') FROM generate_series(1, $1::bigint)")
    private static let maximumStateGroup = Statement(
        "state_groups_maximum", "SELECT coalesce(max(id), 0) FROM state_groups")

    /// Generators that start at what the tables hold.
    public init(pool: PostgresPool, on loop: isolated EventLoop) async throws {
        events = StreamIDGenerator(
            Self.eventIDs, current: try await Events.maximumStreamOrdering(in: pool, on: loop))
        receipts = StreamIDGenerator(
            Self.receiptIDs, current: try await Receipts.maximumStreamID(in: pool, on: loop))
        accountData = StreamIDGenerator(
            Self.accountDataIDs, current: try await AccountData.maximumStreamID(in: pool, on: loop))
        caches = StreamIDGenerator(
            Self.cacheIDs,
            current: try await CacheInvalidations.maximumStreamID(in: pool, on: loop))
        deviceLists = StreamIDGenerator(
            Self.deviceListIDs,
            current: try await DeviceLists.maximumStreamID(in: pool, on: loop))
        toDevice = StreamIDGenerator(
            Self.toDeviceIDs,
            current: try await DeviceInbox.maximumStreamID(in: pool, on: loop))
        presence = StreamIDGenerator(
            Self.presenceIDs,
            current: try await PresenceStates.maximumStreamID(in: pool, on: loop))
        pushRules = StreamIDGenerator(
            Self.pushRuleIDs, current: try await PushRules.maximumStreamID(in: pool, on: loop))
        pushers = StreamIDGenerator(
            Self.pusherIDs, current: try await Pushers.maximumStreamID(in: pool, on: loop))
        publicRooms = StreamIDGenerator(
            Self.publicRoomIDs,
            current: try await PublicRooms.maximumStreamID(in: pool, on: loop))
        stateGroups = StreamIDGenerator(
            Self.stateGroupIDs,
            current: try await pool.query(Self.maximumStateGroup, [], on: loop).firstInteger ?? 0)
    }
}

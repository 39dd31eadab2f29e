public import Postgres
public import Reactor
import ReplicationWire
public import Storage

/// The services of the main process, put together. Lives on its loop.
public final class MainServices {
    /// What the configuration says.
    public let settings: HomeserverSettings
    /// The database.
    public let pool: PostgresPool
    /// The id generators, whose positions are those of the streams.
    public let ids: StreamIDGenerators
    /// Where everything is announced.
    public let streams: StreamHub
    /// Accounts, logins, tokens.
    public let accounts: Accounts
    /// Devices of users.
    public let devices: DeviceService
    /// Messages from device to device.
    public let toDevice: ToDeviceService
    /// Public keys of users and devices.
    public let encryption: EncryptionService
    /// Who is online.
    public let presence: PresenceService
    /// How often clients may do what.
    public let limits: ClientLimits
    /// Notes from where clients come.
    public let sightings: SightingFilter
    /// Writes what is noted, also what workers tell.
    public let sightingWriter: SightingWriter
    /// Rooms and their events.
    public let rooms: RoomService
    /// Who is typing.
    public let typing: Typing
    /// Read receipts.
    public let receipts: ReceiptService
    /// Account data and tags.
    public let accountData: AccountDataService
    /// Push rules.
    public let pushRules: PushRuleService
    /// Where users want to be notified.
    public let pushers: PusherService
    /// Profiles and filters.
    public let profiles: ProfileService
    private let clock: WallClock
    private let caches: CacheInvalidator
    private let pushTidying: PushTidying

    /// Puts the services together over a database whose schema is up to date, with positions read from it.
    public init(
        settings: HomeserverSettings, pool: PostgresPool, clock: WallClock = .system,
        on loop: isolated EventLoop
    ) async throws {
        self.settings = settings
        self.pool = pool
        self.clock = clock
        ids = try await StreamIDGenerators(pool: pool, on: loop)
        streams = StreamHub()
        streams.start(.events, at: ids.events.position, on: loop)
        streams.start(.receipts, at: ids.receipts.position, on: loop)
        streams.start(.accountData, at: ids.accountData.position, on: loop)
        streams.start(.tagAccountData, at: ids.accountData.position, on: loop)
        streams.start(.caches, at: ids.caches.position, on: loop)
        streams.start(.deviceLists, at: ids.deviceLists.position, on: loop)
        streams.start(.toDevice, at: ids.toDevice.position, on: loop)
        streams.start(.pushRules, at: ids.pushRules.position, on: loop)
        streams.start(.pushers, at: ids.pushers.position, on: loop)
        streams.start(.publicRooms, at: ids.publicRooms.position, on: loop)
        streams.start(.presence, at: ids.presence.position, on: loop)
        let caches = CacheInvalidator(
            pool: pool, ids: ids.caches, publisher: streams, clock: clock)
        self.caches = caches
        limits = ClientLimits(settings.limits, clock: clock)
        sightingWriter = SightingWriter(pool: pool)
        sightings = SightingFilter(clock: clock)
        sightings.sink = sightingWriter
        let tokens = TokenCache(pool: pool, clock: clock)
        let lists = DeviceListChanges(
            pool: pool, ids: ids.deviceLists, publisher: streams, clock: clock)
        devices = DeviceService(pool: pool, lists: lists, tokens: tokens, caches: caches)
        toDevice = ToDeviceService(
            settings: settings, pool: pool, ids: ids.toDevice, publisher: streams, clock: clock)
        encryption = EncryptionService(
            settings: settings, pool: pool, lists: lists, caches: caches, clock: clock)
        presence = try await PresenceService(
            pool: pool, ids: ids.presence, publisher: streams,
            isEnabled: settings.isPresenceEnabled, timing: settings.presenceTiming, clock: clock,
            on: loop)
        accounts = try await Accounts(
            settings: settings, pool: pool, devices: devices, lists: lists, tokens: tokens,
            limits: limits, clock: clock, on: loop)
        accountData = AccountDataService(pool: pool, ids: ids.accountData, publisher: streams)
        receipts = ReceiptService(
            pool: pool, ids: ids.receipts, publisher: streams, accountData: accountData,
            clock: clock)
        typing = Typing(publisher: streams)
        pushers = PusherService(pool: pool, ids: ids, publisher: streams, clock: clock)
        devices.pushers = pushers
        pushTidying = PushTidying(pool: pool, clock: clock)
        pushRules = PushRuleService(pool: pool, ids: ids, publisher: streams)
        let rooms = RoomService(
            settings: settings, pool: pool, ids: ids, publisher: streams, typing: typing,
            pushRules: pushRules, clock: clock, on: loop)
        self.rooms = rooms
        pushRules.changed = { rooms.pushRulesChanged($1, of: $0) }
        accountData.ignoranceChanged = { rooms.audience.forgetIgnorance() }
        profiles = ProfileService(settings: settings, pool: pool, rooms: rooms)
        let partings = Partings(rooms: rooms, devices: devices)
        accounts.partings = partings
        partings.start(on: loop)
        startHousekeeping(on: loop)
    }

    /// Drops entries of a cache in all processes, this one among them; without keys the whole cache.
    /// For workers that ask for it with `INVALIDATE_CACHE`.
    public func invalidateCache(
        _ cache: String, keys: [String]?, on loop: isolated EventLoop
    ) async throws {
        if cache == TokenCache.name { accounts.tokens.invalidate(keys, on: loop) }
        try await caches.invalidate(cache, keys: keys, on: loop)
    }

    /// How long a repeated request is recognised by its transaction id.
    private static let transactionLifetimeMilliseconds: Int64 = 24 * 3600 * 1000

    /// Starts what has to be done now and then, for the life of the process.
    private func startHousekeeping(on loop: isolated EventLoop) {
        _ = loop.schedule(after: .seconds(600)) {
            loop.spawn {
                // A failure is not worth a word: the next turn tries again.
                try? await EventTransactions.prune(
                    before: self.clock.now - Self.transactionLifetimeMilliseconds,
                    in: self.pool, on: loop)
                try? await DeviceTransactions.prune(
                    before: self.clock.now - Self.transactionLifetimeMilliseconds,
                    in: self.pool, on: loop)
                try? await self.accounts.prune(on: loop)
                try? await self.pushTidying.run(on: loop)
                if let lifetime = self.settings.sightingLifetime {
                    try? await UserIPs.prune(
                        before: self.clock.now - lifetime.milliseconds, in: self.pool, on: loop)
                }
                self.startHousekeeping(on: loop)
            }
        }
    }
}

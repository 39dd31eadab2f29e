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
    /// Rooms and their events.
    public let rooms: RoomService
    /// Who is typing.
    public let typing: Typing
    /// Read receipts.
    public let receipts: ReceiptService
    /// Account data and tags.
    public let accountData: AccountDataService
    /// Profiles and filters.
    public let profiles: ProfileService
    private let clock: WallClock

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
        let caches = CacheInvalidator(
            pool: pool, ids: ids.caches, publisher: streams, clock: clock)
        accounts = try await Accounts(
            settings: settings, pool: pool, caches: caches, clock: clock, on: loop)
        accountData = AccountDataService(pool: pool, ids: ids.accountData, publisher: streams)
        receipts = ReceiptService(
            pool: pool, ids: ids.receipts, publisher: streams, accountData: accountData,
            clock: clock)
        typing = Typing(publisher: streams)
        rooms = RoomService(
            settings: settings, pool: pool, ids: ids, publisher: streams, typing: typing,
            clock: clock, on: loop)
        profiles = ProfileService(settings: settings, pool: pool, rooms: rooms)
        startHousekeeping(on: loop)
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
                self.startHousekeeping(on: loop)
            }
        }
    }
}

/// Bounds of a ``SyncEngine``.
public struct SyncOptions: Sendable {
    /// How long a request whose token this process has not reached waits for replication.
    public var futureTimeout = Duration.seconds(10)
    /// The longest that a request may wait for news.
    public var timeoutMax = Duration.seconds(300)
    /// How long a user counts as syncing after the last request.
    public var activityGrace = Duration.seconds(10)
    /// How long a user without requests stays in the index.
    public var idleLifetime = Duration.seconds(300)
    /// How many users without requests stay in the index.
    public var idleUsersMax = 20_000
    /// Of how many rooms the last change is remembered.
    public var recentRoomsMax = 100_000
    /// With more new events than this at once, clients are served one by one.
    public var liveEventsMax = 500
    /// How many answers are computed from the database at the same time.
    public var generalConcurrencyMax = 32
    /// Whether answers tell who is online.
    public var showsPresence = true
    /// How many messages to a device one answer holds.
    public var toDeviceMax = 100
    /// From how long a computation on the way to an answer is reported as slow; nil: never.
    public var slowThreshold: Duration?
    /// How many answers of a wave are written before other work gets its turn: a millisecond's, or two.
    public var waveSlice = 128

    /// The defaults.
    public init() {}
}

/// Counts for dashboards, since the start unless said otherwise.
public struct SyncMetrics: Sendable, Hashable {
    /// Clients that wait now.
    public var parked = 0
    /// Requests received.
    public var requests = 0
    /// Answers that were assembled from shared pieces.
    public var deliveriesLive = 0
    /// Answers of sliding sync with news.
    public var deliveriesSliding = 0
    /// Answers with news that were computed from the database.
    public var deliveriesGeneral = 0
    /// Requests that were parked without asking the database.
    public var parksFromMemory = 0
    /// Waiting clients that were woken to be served from the database.
    public var wakeupsGeneral = 0
    /// Waves: batches of rows that concerned a waiting client.
    public var waves = 0
    /// Statements sent to the database.
    public var queries = 0
    /// Answers that said that there is nothing new.
    public var timeouts = 0
    /// Requests whose token was ahead of this process.
    public var futureTokens = 0
    /// Reads of new events that failed and were repeated.
    public var readFailures = 0
    /// First answers, to requests without a token.
    public var initialAnswers = 0
    /// Answers whose computation took longer than ``SyncOptions/slowThreshold``.
    public var slowAnswers = 0
    /// Where the time of computed answers went, by stage.
    public var stageTimes = SyncStageTimes()
    /// Users in the index now.
    public var trackedUsers = 0

    /// Nothing yet.
    public init() {}
}

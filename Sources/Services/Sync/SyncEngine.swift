public import Postgres
public import Reactor

/// Serves /sync: in the main process and, unchanged, in every synchrotron. Lives on the process's loop.
///
/// What it knows comes from three sides: the database, the rows of streams through ``streamAdvanced(_:on:)``, and
/// the clients' requests. Two paths lead to an answer.
///
/// - The *general path* computes it from the database, in a handful of statements whatever the number of rooms, as
///   of a position that this process has reached.
/// - The *live path* serves clients that wait. **A parked client has seen everything up to the position at which it
///   was parked; therefore the next batch of rows is exactly what it lacks.** Batches are taken strictly in order,
///   one at a time; the new events are read with one statement per batch and rendered once, and a client's answer is
///   put together from shared pieces.
///
/// Whatever is doubtful (the user's own membership changed, the filter hides something, too much at once) goes
/// the general way. Both ways give the same answer to the same question.
public final class SyncEngine {
    let pool: PostgresPool
    let clock: WallClock
    let options: SyncOptions
    let activity: SyncActivity

    /// How far this process has come in each stream: everything up to here has been delivered.
    public internal(set) var position: StreamToken
    /// Counts for dashboards.
    public internal(set) var metrics = SyncMetrics()

    /// Told of each answer that took longer to compute than ``SyncOptions/slowThreshold``.
    public var slowSync: ((SlowSync) -> Void)?
    /// Requests that wait until so many others have been computed.
    public var queuedRequests: Int { max(0, generalWaiting.count - generalFirst) }
    /// Rooms in the index.
    public var trackedRooms: Int { rooms.count }

    var users: [String: TrackedUser] = [:]
    var rooms: [String: TrackedRoom] = [:]
    var idleUsers: [TrackedUser] = []
    var recent: RecentChanges
    var typing = TypingBoard()

    /// How many keys devices have left, as texts that they share.
    var keyTexts: [KeyCounts: KeyCountsText] = [:]
    /// Counts invalidations of them, so that what was read before one is not believed after it.
    var keyGeneration = 0
    /// Up to where devices were sent messages, which are deleted once they ask for what comes after.
    var sentToDevices: [DeviceKey: Int64] = [:]

    /// Rows that arrived and are not delivered yet.
    var inbox: StreamStep
    /// Whether anybody here wants to be told only of the members that timelines need.
    var hasLazyUsers = false
    var members = MemberCache()
    let eventCache: EventCache
    /// What clients of sliding sync have been told.
    var slidingConnections = SlidingConnections()
    var slidingFacts = SlidingFactsCache()
    var isDelivering = false
    var waveNumber = 0
    var parkedNumber: UInt64 = 0
    /// The last client that waited when the latest wave began: those who came later know its news.
    var wakingNumber: UInt64 = 0
    var future: [FutureWait] = []
    var futureNumber: UInt64 = 0
    var peeks: [PeekWait] = []
    var peekNumber: UInt64 = 0
    var generalRunning = 0
    var generalWaiting: [UnsafeContinuation<Void, Never>] = []
    var generalFirst = 0
    var isShutDown = false

    /// An engine that has seen everything up to `position`: what the database holds at the start, or better, what
    /// replication reports at subscription.
    public init(
        pool: PostgresPool, position: StreamToken, clock: WallClock = .system,
        options: SyncOptions = SyncOptions()
    ) {
        self.pool = pool
        self.clock = clock
        self.options = options
        self.position = position
        inbox = StreamStep(position: position)
        eventCache = EventCache(pool: pool, eventsMax: 2000)
        activity = SyncActivity(grace: options.activityGrace, clock: clock)
        recent = RecentChanges(
            floor: RecentChanges.Positions(position),
            roomsMax: options.recentRoomsMax)
    }

    /// Is told who syncs here.
    public var activityDelegate: (any SyncActivityDelegate)? {
        get { activity.delegate }
        set { activity.delegate = newValue }
    }

    /// The users who count as syncing here, with their numbers of requests; for replication when it reconnects.
    public var syncingUsers: [String: Int] { activity.counts }

    /// Answers a request, now or when there is something new.
    public func sync(
        _ request: SyncRequest, answering responder: any SyncResponder,
        on loop: isolated EventLoop
    ) {
        metrics.requests += 1
        var request = request
        request.timeout = min(max(request.timeout, .zero), options.timeoutMax)
        let user = begin(request, on: loop)
        acknowledge(request, on: loop)
        openToldMembers(of: request, user)
        let deadline = loop.now + request.timeout
        if let since = request.since, !request.fullState,
            user.knowsNothingNew(since: since, position: position),
            keys(of: request, user) != nil
        {
            metrics.parksFromMemory += 1
            park(request, user, responder, until: deadline, on: loop)
            return
        }
        loop.spawn {
            await self.serve(request, user, responder, until: deadline, on: loop)
        }
    }

    /// Answers everybody who waits with where they stand, and makes nobody wait any more.
    ///
    /// To be called before the HTTP server drains.
    public func shutDown(on loop: isolated EventLoop) {
        isShutDown = true
        let waiting = future
        future.removeAll()
        for wait in waiting { wait.continuation.resume() }
        resumePeeks(of: nil, on: loop)
        for user in users.values {
            for client in unparkAll(user, on: loop) {
                let keys = keys(of: client.request, user)
                // Whom a wave has not come to yet shall ask for its news elsewhere.
                let isTold = user.isWaking && client.number <= wakingNumber
                let reached = isTold ? client.request.since ?? position : position
                answer(
                    client.request, user, client.responder,
                    AnswerFrame.nothing(nextBatch: reached, keys), nextBatch: reached, on: loop)
            }
        }
    }

    // MARK: The users in the index

    func begin(_ request: SyncRequest, on loop: isolated EventLoop) -> TrackedUser {
        let user: TrackedUser
        if let known = users[request.userID] {
            user = known
        } else {
            user = TrackedUser(userID: request.userID)
            users[request.userID] = user
            metrics.trackedUsers = users.count
        }
        user.requests += 1
        if request.affectsPresence {
            activity.began(request.userID, on: loop)
            activityDelegate?.requestBegan(request, on: loop)
        }
        return user
    }

    /// Sends an answer, after which the request is over.
    func answer(
        _ request: SyncRequest, _ user: TrackedUser, _ responder: any SyncResponder,
        _ answer: SyncAnswer, nextBatch: StreamToken, on loop: isolated EventLoop
    ) {
        toldMembers(of: request, user)?.answered(
            answer.members, nextBatch: nextBatch, isFresh: answer.bringsRooms)
        finish(request, user, on: loop)
        responder.answer(answer, on: loop)
    }

    func finish(_ request: SyncRequest, _ user: TrackedUser, on loop: isolated EventLoop) {
        user.requests -= 1
        if user.requests == 0 {
            user.idleSince = loop.now
            if !user.isQueuedIdle {
                user.isQueuedIdle = true
                idleUsers.append(user)
            }
        }
        if request.affectsPresence {
            activity.ended(request.userID, on: loop)
            activityDelegate?.requestEnded(request, on: loop)
        }
    }

    /// Drops users from the index who have not asked for long, or of whom there are too many.
    func forgetIdleUsers(on loop: isolated EventLoop) {
        guard let oldest = idleUsers.first else { return }
        guard
            idleUsers.count > options.idleUsersMax
                || oldest.requests > 0 || oldest.idleSince + options.idleLifetime < loop.now
        else { return }
        var kept: [TrackedUser] = []
        for (index, user) in idleUsers.enumerated() {
            user.isQueuedIdle = false
            if user.requests > 0 { continue }
            let isSurplus = idleUsers.count - index > options.idleUsersMax
            if isSurplus || user.idleSince + options.idleLifetime < loop.now {
                unload(user)
                users[user.userID] = nil
            } else {
                user.isQueuedIdle = true
                kept.append(user)
            }
        }
        idleUsers = kept
        metrics.trackedUsers = users.count
    }

    /// Enters a user's rooms as the general path read them at `at`, unless that was overtaken.
    func load(
        _ user: TrackedUser, rooms roomIDs: [String], ignored: Set<String>, generation: Int,
        at: StreamToken
    ) {
        guard !user.isLoaded, user.generation == generation,
            at.room >= recent.floor.room, at.receipt >= recent.floor.receipt,
            at.deviceList >= recent.floor.deviceList, at.presence >= recent.floor.presence
        else { return }
        user.isLoaded = true
        user.ignored = ignored
        user.floor = at
        user.rooms.reserveCapacity(roomIDs.count)
        for roomID in roomIDs {
            let room = rooms[roomID] ?? TrackedRoom(roomID: roomID)
            rooms[roomID] = room
            room.users[ObjectIdentifier(user)] = user
            user.rooms.append(room)
            let changed = recent.positions(of: roomID)
            user.last.room = max(user.last.room, changed.room)
            user.last.receipt = max(user.last.receipt, changed.receipt)
            user.last.deviceList = max(user.last.deviceList, changed.deviceList)
            user.last.presence = max(user.last.presence, changed.presence)
            user.last.typing = max(user.last.typing, typing.serial(of: roomID))
        }
    }

    /// Forgets what is known of a user's rooms; the general path reads them again.
    func unload(_ user: TrackedUser) {
        user.generation += 1
        user.isLoaded = false
        for room in user.rooms {
            room.users[ObjectIdentifier(user)] = nil
            room.unread[ObjectIdentifier(user)] = nil
            if room.users.isEmpty { rooms[room.roomID] = nil }
        }
        user.rooms.removeAll()
    }
}

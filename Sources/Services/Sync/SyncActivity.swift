public import Reactor

/// Is told which users sync here, for presence and for replication's USER_SYNC.
public protocol SyncActivityDelegate: AnyObject {
    /// A user began to sync; the time is in milliseconds since 1970.
    func userBeganSync(_ userID: String, at time: Int64, on loop: isolated EventLoop)
    /// A user has not synced for the time of grace; the time is that of the last request's end.
    func userEndedSync(_ userID: String, at time: Int64, on loop: isolated EventLoop)
    /// A request began that says where its user is.
    func requestBegan(_ request: SyncRequest, on loop: isolated EventLoop)
    /// Such a request has been answered, or its client has gone.
    func requestEnded(_ request: SyncRequest, on loop: isolated EventLoop)
}

extension SyncActivityDelegate {
    /// Does nothing.
    public func requestBegan(_ request: SyncRequest, on loop: isolated EventLoop) {}
    /// Does nothing.
    public func requestEnded(_ request: SyncRequest, on loop: isolated EventLoop) {}
}

/// Counts the requests of each user and notices who stops.
///
/// Clients reconnect after every answer, so nobody counts as gone before the time of grace. One timer serves all:
/// the end of a request costs an entry in a queue.
final class SyncActivity {
    private final class User {
        var requests = 1
        /// When the last request ended.
        var endedAt = Instant(nanoseconds: 0)
        var endedTime: Int64 = 0
        /// How many entries of the queue are this user's.
        var queued = 0
    }

    weak var delegate: (any SyncActivityDelegate)?
    private let grace: Duration
    private let clock: WallClock
    private var users: [String: User] = [:]
    private var queue: [(userID: String, at: Instant)] = []
    private var first = 0
    private var isSweeping = false

    init(grace: Duration, clock: WallClock) {
        self.grace = grace
        self.clock = clock
    }

    /// The users that count as syncing with their numbers of requests.
    var counts: [String: Int] { users.mapValues(\.requests) }

    func began(_ userID: String, on loop: isolated EventLoop) {
        if let user = users[userID] {
            user.requests += 1
        } else {
            users[userID] = User()
            delegate?.userBeganSync(userID, at: clock.now, on: loop)
        }
    }

    func ended(_ userID: String, on loop: isolated EventLoop) {
        guard let user = users[userID] else { return }
        user.requests -= 1
        if user.requests == 0 {
            user.endedAt = loop.now
            user.endedTime = clock.now
            // At most one entry per user: it is renewed when its turn comes.
            if user.queued == 0 {
                user.queued = 1
                queue.append((userID, loop.now))
                sweepLater(on: loop)
            }
        }
    }

    private func sweepLater(on loop: isolated EventLoop) {
        guard !isSweeping, first < queue.count else { return }
        isSweeping = true
        let wait = max(queue[first].at + grace - loop.now, .milliseconds(1))
        _ = loop.schedule(after: wait) { self.sweep(on: loop) }
    }

    private func sweep(on loop: isolated EventLoop) {
        isSweeping = false
        while first < queue.count, queue[first].at + grace <= loop.now {
            let userID = queue[first].userID
            first += 1
            guard let user = users[userID] else { continue }
            user.queued = 0
            if user.requests == 0, user.endedAt + grace <= loop.now {
                users[userID] = nil
                delegate?.userEndedSync(userID, at: user.endedTime, on: loop)
                continue
            }
            if user.requests == 0 {
                // Active again since the entry was made; the order of the queue stays nearly right, and
                // being told a little late harms nobody.
                user.queued = 1
                queue.append((userID, user.endedAt))
            }
        }
        if first > 1024, first * 2 > queue.count {
            queue.removeFirst(first)
            first = 0
        }
        sweepLater(on: loop)
    }
}

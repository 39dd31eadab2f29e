import Configuration
public import JSON
import Postgres
public import Reactor
public import ReplicationWire
public import Storage

/// Who is online, on the main process: from syncs here and at workers, from what users say, and from time passing.
///
/// A user is where any of its connections is, the most present one first. Only changes that others can see are stored and
/// announced: of the state, of the message, and of whether the user is active.
public final class PresenceService {
    private let pool: PostgresPool
    private let clock: WallClock
    private let timing: PresenceTiming
    private let isEnabled: Bool
    private let announcements: OrderedAnnouncements
    private var users: [String: PresenceUser] = [:]
    /// Whose presence has to be told.
    private var changed: [String: PresenceStates.Presence] = [:]
    private var isTelling = false

    init(
        pool: PostgresPool, ids: StreamIDGenerator, publisher: any StreamPublisher,
        isEnabled: Bool, timing: PresenceTiming = PresenceTiming(), clock: WallClock,
        on loop: isolated EventLoop
    ) async throws {
        self.pool = pool
        self.clock = clock
        self.timing = timing
        self.isEnabled = isEnabled
        announcements = OrderedAnnouncements(ids: ids, publisher: publisher)
        guard isEnabled else { return }
        // Who was there when the process ended has as long to come back as anybody who loses a connection.
        let now = clock.now
        for presence in try await PresenceStates.notOffline(in: pool, on: loop) {
            let user = PresenceUser(presence)
            let state = PresenceState(rawValue: presence.state) ?? .online
            user.connections[.formerly] = PresenceConnection(state: state, lastSeen: now)
            users[presence.userID] = user
            update(user, on: loop)
        }
    }

    // MARK: What is told of users

    /// A user syncs at a worker, or no longer does.
    public func workerSyncs(
        _ userID: String, peer: Int, isSyncing: Bool, at time: Int64, on loop: isolated EventLoop
    ) {
        guard isEnabled else { return }
        // A worker's clock is not to be believed about the future.
        let time = min(time, clock.now)
        if isSyncing {
            connect(userID, .worker(peer), .online, on: loop)
        } else {
            disconnect(userID, .worker(peer), at: time, on: loop)
        }
    }

    /// A user did something that only somebody who is there does.
    public func isActive(_ userID: String, on loop: isolated EventLoop) {
        guard isEnabled, let user = users[userID] else { return }
        user.lastActive = clock.now
        update(user, on: loop)
    }

    /// A user says where it is, on one of its devices. Throws M_INVALID_PARAM.
    public func set(
        _ state: PresenceState, message: String?, userID: String, deviceID: String?,
        on loop: isolated EventLoop
    ) async throws {
        guard (message ?? "").utf8.count <= 4096 else {
            throw MatrixError.invalidParameter("status_msg is longer than 4096 bytes")
        }
        guard isEnabled else { return }
        let user = try await known(userID, on: loop)
        let now = clock.now
        if state == .offline {
            // The device's next sync brings the user back.
            user.connections.removeAll()
            user.statusMessage = nil
        } else {
            let source = PresenceSource.device(deviceID ?? "")
            var connection =
                user.connections[source] ?? PresenceConnection(state: state, lastSeen: now)
            connection.state = state
            connection.lastSeen = now
            user.connections[source] = connection
            user.statusMessage = message
            if state == .online { user.lastActive = now }
        }
        update(user, on: loop)
    }

    // MARK: What users ask

    /// A user's presence, which those who share a room with it may see. Throws M_FORBIDDEN.
    public func presence(
        of userID: String, for viewerID: String, on loop: isolated EventLoop
    ) async throws -> JSON {
        guard isEnabled else { return ["presence": "offline"] }
        let mayLook =
            if userID == viewerID { true } else {
                try await PresenceStates.areTogether(viewerID, userID, in: pool, on: loop)
            }
        guard mayLook else {
            throw MatrixError.forbidden("You are not allowed to see their presence.")
        }
        let presence =
            if let user = users[userID] { user.current(at: clock.now, timing).presence } else {
                try await PresenceStates.presences(of: [userID], in: pool, on: loop).first
            }
        guard let presence else { return ["presence": "offline"] }
        return PresenceText.content(presence, now: clock.now)
    }

    // MARK: Inside

    private func connect(
        _ userID: String, _ source: PresenceSource, _ state: PresenceState,
        on loop: isolated EventLoop
    ) {
        let user: PresenceUser
        if let known = users[userID] {
            user = known
        } else {
            // What was last known, such as the message, is read before the user is told of.
            loop.spawn {
                guard let user = try? await self.known(userID, on: loop) else { return }
                self.connect(user, source, state, on: loop)
            }
            return
        }
        connect(user, source, state, on: loop)
    }

    private func connect(
        _ user: PresenceUser, _ source: PresenceSource, _ state: PresenceState,
        on loop: isolated EventLoop
    ) {
        let now = clock.now
        let former = user.connections[source]
        // Coming, and coming back, is doing something; to go on waiting for news is not.
        if state == .online, user.told.state == "offline" || former?.state == .unavailable {
            user.lastActive = now
        }
        user.connections[.formerly] = nil
        var requests = (former?.requests ?? 0) + 1
        // A worker says that a user syncs there, not how often, and may say it again.
        if case .worker = source { requests = 1 }
        user.connections[source] = PresenceConnection(
            state: state, requests: requests, lastSeen: now)
        if former?.state != state || former?.requests == 0 || user.told.state == "offline" {
            update(user, on: loop)
        }
    }

    private func disconnect(
        _ userID: String, _ source: PresenceSource, at time: Int64, on loop: isolated EventLoop
    ) {
        guard let user = users[userID], let former = user.connections[source] else { return }
        user.connections[source] = PresenceConnection(
            state: former.state, requests: max(0, former.requests - 1),
            lastSeen: max(time, former.lastSeen))
        update(user, on: loop)
    }

    private func known(
        _ userID: String, on loop: isolated EventLoop
    ) async throws -> PresenceUser {
        if let user = users[userID] { return user }
        let stored = try await PresenceStates.presences(of: [userID], in: pool, on: loop).first
        // Somebody else may have been as quick.
        if let user = users[userID] { return user }
        let user = PresenceUser(
            stored ?? PresenceStates.Presence(userID: userID, state: "offline"))
        users[userID] = user
        return user
    }

    /// Sees what holds now, tells it if others can see the difference, and wakes when it may change by itself.
    private func update(_ user: PresenceUser, on loop: isolated EventLoop) {
        let now = clock.now
        let (presence, next) = user.current(at: now, timing)
        if presence.isNews(after: user.told) {
            user.told = presence
            changed[presence.userID] = presence
            tell(on: loop)
        }
        guard let next else {
            // Nobody is there; what was told is in the database.
            if !user.isTimed, user.connections.isEmpty { users[presence.userID] = nil }
            return
        }
        // One timer per user; when it comes too early it is set again.
        guard !user.isTimed else { return }
        user.isTimed = true
        _ = loop.schedule(after: .milliseconds(max(next - now, 1))) {
            user.isTimed = false
            self.update(user, on: loop)
        }
    }

    /// Stores and announces changes, all that there are at once.
    private func tell(on loop: isolated EventLoop) {
        guard !isTelling else { return }
        isTelling = true
        loop.spawn {
            while !self.changed.isEmpty {
                let batch = self.changed.sorted { $0.key < $1.key }.map(\.value)
                self.changed.removeAll(keepingCapacity: true)
                do {
                    try await self.store(batch, on: loop)
                } catch {
                    // The next change of a user tells of it again; presence is not worth more.
                    break
                }
            }
            self.isTelling = false
        }
    }

    private func store(
        _ batch: [PresenceStates.Presence], on loop: isolated EventLoop
    ) async throws {
        try await announcements.storeEach(
            batch, from: pool, on: .presence, loop: loop, row: { .presence(PresenceStreamRow($0)) },
            { numbered in
                try await pool.transaction(on: loop) { connection in
                    try await PresenceStates.store(
                        numbered.map { ($0.id, $0.element) }, in: connection, on: loop)
                }
            })
    }
}

extension PresenceStates.Presence {
    /// Whether others can tell the difference.
    func isNews(after told: PresenceStates.Presence) -> Bool {
        state != told.state || statusMessage != told.statusMessage
            || isCurrentlyActive != told.isCurrentlyActive
    }
}

extension PresenceStreamRow {
    /// The row that announces a presence.
    public init(_ presence: PresenceStates.Presence) {
        self.init(
            userID: presence.userID, state: presence.state,
            lastActiveMilliseconds: presence.lastActive,
            lastFederationUpdateMilliseconds: presence.lastFederationUpdate,
            lastUserSyncMilliseconds: presence.lastSync, statusMessage: presence.statusMessage,
            isCurrentlyActive: presence.isCurrentlyActive)
    }
}

/// On the main process, what the engine notices of its clients goes to presence directly.
extension PresenceService: SyncActivityDelegate {
    /// Nothing: presence counts devices.
    public func userBeganSync(_ userID: String, at time: Int64, on loop: isolated EventLoop) {}

    /// Nothing: presence counts devices.
    public func userEndedSync(_ userID: String, at time: Int64, on loop: isolated EventLoop) {}

    /// A device asks for news, and says that its user is there.
    public func requestBegan(_ request: SyncRequest, on loop: isolated EventLoop) {
        guard isEnabled else { return }
        connect(request.userID, .device(request.deviceID ?? ""), request.presence, on: loop)
    }

    /// A device's request has ended. It counts as there for a while, since it will come again.
    public func requestEnded(_ request: SyncRequest, on loop: isolated EventLoop) {
        disconnect(request.userID, .device(request.deviceID ?? ""), at: clock.now, on: loop)
    }
}

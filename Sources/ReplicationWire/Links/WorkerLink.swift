import Bytes

/// The worker's end, without I/O, for the worker's whole life: connections come and go, the
/// positions stay.
///
/// What comes in is an event, what must be done comes out as actions.
public struct WorkerLink: Sendable {
    /// What the driver must do, in order.
    public enum Action: Sendable, Hashable {
        /// Write a command.
        case send(ReplicationCommand)
        /// The main is the right one; the streams have been asked for.
        case connected
        /// All rows of one token, and the stream's position with them.
        case rows(StreamName, [ReplicationRow], position: Int64)
        /// The worker has a stream's rows up to here.
        case position(StreamName, Int64)
        /// The main has started an in-memory stream again: forget what it said before.
        case reset(StreamName)
        /// The worker is too far behind to be caught up. The driver closes nothing: the main will.
        case fellBehind(StreamName)
        /// Rows up to this position were left out: read the state from the database.
        case skipped(StreamName, to: Int64)
        /// A command that the protocol only carries: `SYNC`, `REMOTE_SERVER_UP`, `LOCK_RELEASED`.
        case deliver(ReplicationCommand)
        /// The main says that something is wrong.
        case peerError(String)
        /// Close after what was written. The peer has been told why.
        case close(LinkFailure)
        /// Connect again after a while.
        case reconnect(after: Duration)
    }

    /// What the worker is called.
    public let name: String
    /// Users who sync at this worker now, with the time of their last sync in milliseconds.
    public private(set) var syncingUsers: [String: Int64] = [:]
    /// Whether the main has said that it is the right one, on this connection.
    public private(set) var isConnected = false
    /// The last line's command; nil if it was none. For metrics.
    public private(set) var lastCommand: CommandName?
    /// Rows that came for streams nobody asked for.
    public private(set) var ignoredRows: UInt64 = 0

    let serverName: String?
    let dialect: Dialect
    private let secret: ReplicationSecret?
    private let timing: LinkTiming
    var followers: [StreamName: StreamFollower] = [:]
    var backoff = Backoff()
    private(set) var order: [StreamName] = []
    private var keepAlive: KeepAlive?
    private var isClosing = false
    /// What the main said of itself last; nil if it is of another make.
    public internal(set) var status: MainStatus?
    /// Streams in memory that are not asked for before the main has said whether it is the same.
    var deferred: [StreamName] = []
    /// How many `PING`s came on this connection.
    var pings = 0
    /// Whether the main has been seen to go away, so that the next one is a new process. A new
    /// process' typing may have come past our position before we come back, and then its tokens
    /// would not tell.
    var mainHasGone = false

    /// A link that is not connected yet.
    ///
    /// - Parameters:
    ///   - name: What the worker is called.
    ///   - serverName: The only server that is accepted; nil for any.
    ///   - dialect: How lines are read and what is asked for.
    ///   - timing: When to ping and to give up.
    ///   - secret: What the main wants to hear first, if anything.
    public init(
        name: String, serverName: String?, dialect: Dialect = .classic,
        timing: LinkTiming = LinkTiming(), secret: ReplicationSecret? = nil
    ) {
        self.secret = secret
        self.name = name
        self.serverName = serverName
        self.dialect = dialect
        self.timing = timing
    }

    /// Follows a stream from the next connection on, beginning after `position`; nil is NOW.
    public mutating func follow(_ stream: StreamName, from position: Int64?) {
        if followers[stream] == nil { order.append(stream) }
        followers[stream] = StreamFollower(stream: stream, position: position)
    }

    /// The streams that are followed, in the order in which they are asked for.
    public var streams: [StreamName] { order }

    /// Whether the main wants to hear a secret first.
    var hasSecret: Bool { secret != nil }

    /// When ``timePassed(at:into:)`` must be called next; nil while there is no connection.
    public var deadline: Duration? { keepAlive?.deadline }

    /// When the main was heard last on this connection.
    public var lastReceived: Duration? { keepAlive?.lastReceived }

    // MARK: Events

    /// A connection is there.
    public mutating func opened(at now: LinkTime, into actions: inout [Action]) {
        keepAlive = KeepAlive(
            timing: timing, openedAt: now.monotonic, expectsGreeting: true)
        isClosing = false
        if let secret { actions.append(.send(.authenticate(secret))) }
        actions.append(.send(.name(name)))
        actions.append(.send(.ping(String(now.unixMilliseconds))))
        ask(into: &actions)
        for (user, time) in syncingUsers.sorted(by: { $0.key < $1.key }) {
            actions.append(.send(sync(user, true, time)))
        }
    }

    /// A line arrived.
    public mutating func received(
        _ line: RawSpan, at now: LinkTime, into actions: inout [Action]
    ) {
        lastCommand = nil
        guard !isClosing, keepAlive != nil else { return }
        do {
            let command = try ReplicationCommand(parsing: line, dialect: dialect)
            lastCommand = command.name
            guard command.name.isSentByMain else {
                return close(.wrongDirection(command.name), into: &actions)
            }
            keepAlive?.received(command.name, at: now.monotonic)
            handle(command, line, into: &actions)
        } catch {
            close(.badLine(error), into: &actions)
        }
    }

    /// The deadline has come.
    public mutating func timePassed(at now: LinkTime, into actions: inout [Action]) {
        guard !isClosing, let alive = keepAlive else { return }
        if alive.hasTimedOut(at: now.monotonic) {
            close(.pingTimeout, into: &actions)
        } else if alive.isPingDue(at: now.monotonic) {
            actions.append(.send(.ping(String(now.unixMilliseconds))))
            keepAlive?.sent(at: now.monotonic)
        }
    }

    /// Our side ends the connection.
    public mutating func close(_ failure: LinkFailure, into actions: inout [Action]) {
        guard !isClosing, keepAlive != nil else { return }
        isClosing = true
        actions.append(.send(.error(failure.text)))
        actions.append(.close(failure))
    }

    /// The connection is gone, or there never was one.
    public mutating func disconnected(into actions: inout [Action]) {
        if keepAlive == nil { mainHasGone = true }
        keepAlive = nil
        isConnected = false
        deferred = []
        pings = 0
        for stream in order { followers[stream]?.connectionEnded() }
        actions.append(.reconnect(after: backoff.next()))
    }

    // MARK: What the worker wants to say

    /// Sends a command; false if there is no connection to send it on.
    public mutating func send(
        _ command: ReplicationCommand, at now: LinkTime, into actions: inout [Action]
    ) -> Bool {
        guard keepAlive != nil, !isClosing else { return false }
        // Until the main has said where the stream is, it may be another one than before, to which our
        // tokens are those of rows that it has not sent yet.
        if command.name == .federationAck, let follower = followers[.federation],
            follower.phase != .live
        {
            return false
        }
        keepAlive?.sent(at: now.monotonic)
        actions.append(.send(command))
        return true
    }

    /// A user began or ended to sync at this worker. Beginnings are told again after a reconnect.
    public mutating func userSync(
        _ user: String, isSyncing: Bool, lastSyncMilliseconds: Int64, at now: LinkTime,
        into actions: inout [Action]
    ) {
        syncingUsers[user] = isSyncing ? lastSyncMilliseconds : nil
        _ = send(sync(user, isSyncing, lastSyncMilliseconds), at: now, into: &actions)
    }

    private func sync(_ user: String, _ isSyncing: Bool, _ time: Int64) -> ReplicationCommand {
        .userSync(
            UserSync(
                userID: user, isSyncing: isSyncing, lastSyncMilliseconds: time, instance: name))
    }

    // MARK: Commands

    private mutating func handle(
        _ command: ReplicationCommand, _ line: RawSpan, into actions: inout [Action]
    ) {
        switch command {
        case .server(let server):
            guard serverName == nil || server == serverName else {
                return close(.wrongRemote(server), into: &actions)
            }
            guard !isConnected else { return }
            isConnected = true
            if pings == 0 { keepAlive?.greeted() }
            actions.append(.connected)
        case .ping(let text): receivePing(text, into: &actions)
        case .error(let text): peerError(text, into: &actions)
        case .rowData(let data):
            guard isConnected else { return close(.unnamedRemote, into: &actions) }
            receive(data, line, into: &actions)
        case .position(let position):
            guard isConnected else { return close(.unnamedRemote, into: &actions) }
            receive(position, into: &actions)
        case .sync, .remoteServerUp, .lockReleased: actions.append(.deliver(command))
        case .authenticate, .name, .replicate, .userSync, .clearUserSync, .userIP,
            .federationAck, .removePusher, .invalidateCache:
            break
        }
    }

    mutating func ignoredRow() { ignoredRows += 1 }
}

import Bytes

/// The main's end of one connection, without I/O: what comes in is an event, what must be done
/// comes out as actions.
///
/// Rows do not pass through it: whoever drives the link writes them and says so with
/// ``sentData(at:)``.
public struct MainLink: Sendable {
    /// What the driver must do, in order.
    public enum Action: Sendable, Hashable {
        /// Write a command.
        case send(ReplicationCommand)
        /// The worker has shown the secret.
        case authenticated
        /// Catch up a stream, or all, and then follow it.
        case subscribe(Subscription)
        /// A user began or ended to sync at the worker.
        case userSync(UserSync)
        /// The connection ended while these users were syncing.
        case usersGone([String])
        /// The worker asks for something that the protocol only carries.
        case deliver(ReplicationCommand)
        /// The worker says that something is wrong. For the log.
        case peerError(String)
        /// Close after what was written. The peer has been told why.
        case close(LinkFailure)
    }

    /// How many users may sync at one worker.
    public static let usersMax = 1 << 20

    /// What the worker calls itself.
    public private(set) var peerName: String?
    /// Who syncs at the worker.
    public private(set) var syncingUsers: Set<String> = []
    /// The last line's command; nil if it was none. For metrics.
    public private(set) var lastCommand: CommandName?
    /// Whether the link has said ``Action/close(_:)``; it does nothing more.
    public private(set) var isClosing = false

    /// What `PING` says beside the time; nil: nothing.
    public var status: MainStatus?
    /// Whether the worker has shown the secret, or none is wanted. Before that it can do nothing.
    public private(set) var isAuthenticated: Bool

    private let serverName: String
    private let secret: ReplicationSecret?
    private let dialect: Dialect
    private let streams: Set<StreamName>
    private var keepAlive: KeepAlive
    private let openedAt: Duration

    /// A link for a connection that was just accepted.
    ///
    /// - Parameters:
    ///   - serverName: The name that `SERVER` carries.
    ///   - streams: What a worker may ask for.
    ///   - dialect: How lines are read.
    ///   - timing: When to ping and to give up.
    ///   - secret: What a worker must say first; nil lets everybody in.
    ///   - now: The time.
    public init(
        serverName: String, streams: Set<StreamName>, dialect: Dialect = .classic,
        timing: LinkTiming = LinkTiming(), secret: ReplicationSecret? = nil, at now: LinkTime
    ) {
        self.serverName = serverName
        self.secret = secret
        isAuthenticated = secret == nil
        openedAt = now.monotonic
        self.streams = streams
        self.dialect = dialect
        keepAlive = KeepAlive(timing: timing, openedAt: now.monotonic)
    }

    /// When ``timePassed(at:into:)`` must be called next, on the monotonic clock.
    public var deadline: Duration {
        isAuthenticated
            ? keepAlive.deadline : min(keepAlive.deadline, openedAt + Self.authenticationTimeout)
    }

    /// How long a worker may take to show the secret.
    public static let authenticationTimeout = Duration.seconds(10)

    // MARK: Events

    /// The connection is there.
    public mutating func opened(at now: LinkTime, into actions: inout [Action]) {
        actions.append(.send(.server(serverName)))
        ping(at: now, into: &actions)
    }

    /// A line arrived.
    public mutating func received(
        _ line: RawSpan, at now: LinkTime, into actions: inout [Action]
    ) {
        lastCommand = nil
        guard !isClosing else { return }
        do {
            let command = try ReplicationCommand(parsing: line, dialect: dialect)
            lastCommand = command.name
            guard command.name.isSentByWorker else {
                return close(.wrongDirection(command.name), into: &actions)
            }
            keepAlive.received(command.name, at: now.monotonic)
            guard isAuthenticated else {
                return authenticate(command, at: now, into: &actions)
            }
            handle(command, into: &actions)
        } catch {
            // Whoever has no secret learns nothing of what was wrong with the line.
            close(isAuthenticated ? .badLine(error) : .secretMissing, into: &actions)
        }
    }

    /// Rows or positions were written.
    public mutating func sentData(at now: LinkTime) { keepAlive.sent(at: now.monotonic) }

    /// The deadline has come.
    public mutating func timePassed(at now: LinkTime, into actions: inout [Action]) {
        guard !isClosing else { return }
        if keepAlive.hasTimedOut(at: now.monotonic) {
            close(.pingTimeout, into: &actions)
        } else if !isAuthenticated, now.monotonic >= openedAt + Self.authenticationTimeout {
            close(.secretMissing, into: &actions)
        } else if keepAlive.isPingDue(at: now.monotonic) {
            ping(at: now, into: &actions)
        }
    }

    private mutating func ping(at now: LinkTime, into actions: inout [Action]) {
        // Who has not shown the secret is not told where the streams stand.
        let text = isAuthenticated ? status?.pingText(at: now) : nil
        actions.append(.send(.ping(text ?? String(now.unixMilliseconds))))
        keepAlive.sent(at: now.monotonic)
    }

    /// Our side ends the connection.
    public mutating func close(_ failure: LinkFailure, into actions: inout [Action]) {
        guard !isClosing else { return }
        isClosing = true
        actions.append(.send(.error(failure.text)))
        actions.append(.close(failure))
    }

    /// The connection is gone.
    public mutating func disconnected(into actions: inout [Action]) {
        isClosing = true
        guard !syncingUsers.isEmpty else { return }
        actions.append(.usersGone(syncingUsers.sorted()))
        syncingUsers = []
    }

    // MARK: Commands

    /// Takes the first line of a worker, which must be the secret. Its status follows in a `PING`.
    private mutating func authenticate(
        _ command: ReplicationCommand, at now: LinkTime, into actions: inout [Action]
    ) {
        guard case .authenticate(let shown) = command else {
            return close(.secretMissing, into: &actions)
        }
        guard let secret, secret.matches(shown) else { return close(.secretWrong, into: &actions) }
        isAuthenticated = true
        actions.append(.authenticated)
        if status != nil { ping(at: now, into: &actions) }
    }

    private mutating func handle(_ command: ReplicationCommand, into actions: inout [Action]) {
        switch command {
        // A secret that nobody wants is no mistake: workers may get theirs before the main does.
        case .ping, .authenticate: break
        case .name(let name): peerName = Self.shownName(name)
        case .replicate(.all): actions.append(.subscribe(.all))
        case .replicate(.stream(let stream, let start)):
            guard streams.contains(stream) else {
                return close(.unknownStream(stream), into: &actions)
            }
            actions.append(.subscribe(.stream(stream, from: start)))
        case .userSync(let sync): handle(sync, into: &actions)
        case .clearUserSync:
            guard !syncingUsers.isEmpty else { return }
            actions.append(.usersGone(syncingUsers.sorted()))
            syncingUsers = []
        case .error(let text): actions.append(.peerError(text))
        case .userIP, .federationAck, .removePusher, .invalidateCache, .remoteServerUp,
            .lockReleased:
            actions.append(.deliver(command))
        case .server, .position, .rowData, .sync: break
        }
    }

    private mutating func handle(_ sync: UserSync, into actions: inout [Action]) {
        if sync.isSyncing {
            guard syncingUsers.count < Self.usersMax else {
                return close(.tooManyUsers, into: &actions)
            }
            syncingUsers.insert(sync.userID)
        } else {
            syncingUsers.remove(sync.userID)
        }
        actions.append(.userSync(sync))
    }

    /// A name as logs and metrics can show it.
    private static func shownName(_ name: String) -> String {
        String(name.unicodeScalars.prefix(128).map { $0.value < 0x20 ? "?" : Character($0) })
    }
}

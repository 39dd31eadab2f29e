public import Bytes
public import Reactor

/// Which state an answer tells of a room, and how it calls it.
public enum SyncStateKind: String, Sendable, Hashable {
    /// Up to where the timeline begins.
    case before = "state"
    /// Up to where the timeline ends (`use_state_after`).
    case after = "state_after"
    /// The same, as clients from before version 1.16 of the specification ask for it.
    case afterUnstable = "org.matrix.msc4222.state_after"
}

/// What a client asks /sync for.
public struct SyncRequest: Sendable {
    /// Who asks.
    public var userID: String
    /// The asking device.
    public var deviceID: String?
    /// What the client has seen already; nil for an initial sync.
    public var since: StreamToken?
    /// How long to wait when there is nothing new.
    public var timeout: Duration
    /// What the client wants to see.
    public var filter: SyncFilter
    /// Whether to send the whole state of all rooms.
    public var fullState: Bool
    /// Which state is told of rooms.
    public var stateKind = SyncStateKind.before
    /// Where the user is, as the client says.
    public var presence = PresenceState.online
    /// Whether it is one of sliding sync, which is parked here but answered elsewhere.
    var isSliding = false
    /// Whether that is to be told to others: not where the client says that nobody is there.
    public var affectsPresence: Bool

    /// A request of a user.
    public init(
        userID: String, deviceID: String?, since: StreamToken? = nil,
        timeout: Duration = .zero, filter: SyncFilter = .everything, fullState: Bool = false,
        affectsPresence: Bool = true
    ) {
        self.userID = userID
        self.deviceID = deviceID
        self.since = since
        self.timeout = timeout
        self.filter = filter
        self.fullState = fullState
        self.affectsPresence = affectsPresence
    }
}

/// The body of an answer, in pieces that may be shared with other answers.
public struct SyncAnswer: Sendable {
    /// The pieces in order.
    public let pieces: [SharedBytes]
    /// The sum of their lengths.
    public let count: Int

    init(_ pieces: [SharedBytes]) {
        self.pieces = pieces
        count = pieces.reduce(0) { $0 + $1.count }
    }

    /// The members that the body tells of, by their events; noted only for who wants as few as possible.
    var members: [String] = []
    /// Whether it brings rooms that are new to the client.
    var bringsRooms = false

    init(_ bytes: [UInt8]) {
        self.init([SharedBytes(bytes)])
    }
}

/// Where an answer goes. Lives on the loop.
public protocol SyncResponder: AnyObject {
    /// Whether the client has gone.
    var isGone: Bool { get }
    /// Sends the answer; called at most once, and not together with ``fail(_:on:)``.
    func answer(_ answer: SyncAnswer, on loop: isolated EventLoop)
    /// Sends an error.
    func fail(_ error: any Error, on loop: isolated EventLoop)
    /// Has `body` called if the client goes away unanswered.
    func whenGone(_ body: @escaping () -> Void)
    /// The request has waited for something, and goes on.
    func passed(_ stage: SyncStage, on loop: isolated EventLoop)
}

extension SyncResponder {
    /// Takes no notice.
    public func passed(_ stage: SyncStage, on loop: isolated EventLoop) {}
}

import Configuration

/// The limiters of what clients do, one per kind. Lives on the main process's loop.
public final class ClientLimits {
    /// Who is subject to the limits: administrators are not.
    public struct Subject: Sendable, Hashable {
        let userID: String
        let isExempt: Bool

        /// A user.
        public init(userID: String, isExempt: Bool = false) {
            self.userID = userID
            self.isExempt = isExempt
        }
    }

    let registration: RateLimiter
    let loginAddress: RateLimiter
    let loginAccount: RateLimiter
    let loginFailures: RateLimiter
    private let message: RateLimiter
    private let adminRedaction: RateLimiter?
    private let joins: RateLimiter
    private let joinsPerRoom: RateLimiter
    private let invitesPerRoom: RateLimiter
    private let invitesPerUser: RateLimiter
    private let invitesPerIssuer: RateLimiter
    private let roomCreation: RateLimiter
    private let presence: RateLimiter
    private let keyRequests: RateLimiter

    init(_ limits: RateLimits, clock: WallClock) {
        registration = RateLimiter(limits.registration, clock: clock)
        loginAddress = RateLimiter(limits.loginAddress, clock: clock)
        loginAccount = RateLimiter(limits.loginAccount, clock: clock)
        loginFailures = RateLimiter(limits.loginFailures, clock: clock)
        message = RateLimiter(limits.message, clock: clock)
        adminRedaction = limits.adminRedaction.map { RateLimiter($0, clock: clock) }
        joins = RateLimiter(limits.joinsLocal, clock: clock)
        joinsPerRoom = RateLimiter(limits.joinsPerRoom, clock: clock)
        invitesPerRoom = RateLimiter(limits.invitesPerRoom, clock: clock)
        invitesPerUser = RateLimiter(limits.invitesPerUser, clock: clock)
        invitesPerIssuer = RateLimiter(limits.invitesPerIssuer, clock: clock)
        roomCreation = RateLimiter(limits.roomCreation, clock: clock)
        presence = RateLimiter(limits.presence, clock: clock)
        keyRequests = RateLimiter(limits.keyRequests, clock: clock)
    }

    /// A user sends an event, or changes what makes events.
    public func send(_ subject: Subject) throws(MatrixError) {
        guard !subject.isExempt else { return }
        try message.take(for: subject.userID)
    }

    /// A user redacts an event. Where redactions of administrators have a limit, it holds for them only.
    public func redact(_ subject: Subject) throws(MatrixError) {
        if subject.isExempt, let adminRedaction {
            return try adminRedaction.take(for: subject.userID)
        }
        try send(subject)
    }

    /// A user makes a room.
    public func createRoom(_ subject: Subject) throws(MatrixError) {
        guard !subject.isExempt else { return }
        try roomCreation.take(for: subject.userID)
    }

    /// A user joins a room, named by its id or an alias.
    public func join(_ room: String, _ subject: Subject) throws(MatrixError) {
        guard !subject.isExempt else { return }
        try joinsPerRoom.take(for: room, isPeek: true)
        try joins.take(for: subject.userID)
        try joinsPerRoom.take(for: room)
    }

    /// A user invites another to a room; nil for a room that is being made.
    public func invite(
        _ userID: String, to roomID: String?, _ subject: Subject
    ) throws(MatrixError) {
        guard !subject.isExempt else { return }
        if let roomID { try invitesPerRoom.take(for: roomID, isPeek: true) }
        try invitesPerUser.take(for: userID, isPeek: true)
        try invitesPerIssuer.take(for: subject.userID)
        if let roomID { try invitesPerRoom.take(for: roomID) }
        try invitesPerUser.take(for: userID)
    }

    /// A user sets its presence.
    public func setPresence(_ subject: Subject) throws(MatrixError) {
        guard !subject.isExempt else { return }
        try presence.take(for: subject.userID)
    }

    /// A device asks other users' devices for keys.
    public func requestKeys(_ subject: Subject, deviceID: String?) throws(MatrixError) {
        guard !subject.isExempt else { return }
        try keyRequests.take(for: "\(subject.userID) \(deviceID ?? "")")
    }
}

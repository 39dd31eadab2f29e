/// How often something may be done: so many times a second in the long run, and so many at once.
public struct RateLimit: Sendable, Hashable {
    /// The long run; 0 or less is never again after the first few.
    public var perSecond: Double
    /// How many at once, after a time of rest.
    public var burstCount: Int

    /// A limit; where a key says nothing more, Synapse has 0.17 a second and 3 at once.
    public init(perSecond: Double = 0.17, burstCount: Int = 3) {
        self.perSecond = perSecond
        self.burstCount = burstCount
    }

    /// So much that nobody meets it.
    public static let unlimited = RateLimit(perSecond: 1e9, burstCount: 1_000_000_000)
}

/// The limits of everything that clients do. The names and defaults are those of Synapse's `rc_*` keys.
public struct RateLimits: Sendable, Hashable {
    /// Events that a user sends (`rc_message`).
    public var message = RateLimit(perSecond: 0.2, burstCount: 10)
    /// Accounts made from an address (`rc_registration`).
    public var registration = RateLimit()
    /// Logins from an address (`rc_login.address`).
    public var loginAddress = RateLimit(perSecond: 0.003, burstCount: 5)
    /// Logins of an account (`rc_login.account`).
    public var loginAccount = RateLimit(perSecond: 0.003, burstCount: 5)
    /// Wrong passwords for an account (`rc_login.failed_attempts`).
    public var loginFailures = RateLimit()
    /// Redactions by administrators; nil counts them as messages (`rc_admin_redaction`).
    public var adminRedaction: RateLimit?
    /// Joins of a user to rooms that this server is in (`rc_joins.local`).
    public var joinsLocal = RateLimit(perSecond: 0.1, burstCount: 10)
    /// Joins of a user to rooms of other servers (`rc_joins.remote`).
    public var joinsRemote = RateLimit(perSecond: 0.01, burstCount: 10)
    /// Joins of anybody to one room (`rc_joins_per_room`).
    public var joinsPerRoom = RateLimit(perSecond: 1, burstCount: 10)
    /// Invitations to one room (`rc_invites.per_room`).
    public var invitesPerRoom = RateLimit(perSecond: 0.3, burstCount: 10)
    /// Invitations of one user by anybody (`rc_invites.per_user`).
    public var invitesPerUser = RateLimit(perSecond: 0.003, burstCount: 5)
    /// Invitations by one user (`rc_invites.per_issuer`).
    public var invitesPerIssuer = RateLimit(perSecond: 0.3, burstCount: 10)
    /// Rooms that a user makes (`rc_room_creation`).
    public var roomCreation = RateLimit(perSecond: 0.016, burstCount: 10)
    /// Presence that a user sets (`rc_presence.per_user`).
    public var presence = RateLimit(perSecond: 0.1, burstCount: 1)
    /// Requests of a device for the keys of others' messages (`rc_key_requests`).
    public var keyRequests = RateLimit(perSecond: 20, burstCount: 100)

    /// Synapse's defaults.
    public init() {}

    /// No limits, for tests and measurements.
    public static let unlimited: RateLimits = {
        var limits = RateLimits()
        limits.message = .unlimited
        limits.registration = .unlimited
        limits.loginAddress = .unlimited
        limits.loginAccount = .unlimited
        limits.loginFailures = .unlimited
        limits.joinsLocal = .unlimited
        limits.joinsRemote = .unlimited
        limits.joinsPerRoom = .unlimited
        limits.invitesPerRoom = .unlimited
        limits.invitesPerUser = .unlimited
        limits.invitesPerIssuer = .unlimited
        limits.roomCreation = .unlimited
        limits.presence = .unlimited
        limits.keyRequests = .unlimited
        return limits
    }()
}

/// One `rc_*` key: so many times a second in the long run, and so many at once.
public struct RateLimitConfiguration: Sendable, Hashable {
    /// `per_second`.
    public var perSecond: Double
    /// `burst_count`.
    public var burstCount: Int

    /// A limit; where a key says nothing more, Synapse has 0.17 a second and 3 at once.
    public init(perSecond: Double = 0.17, burstCount: Int = 3) {
        self.perSecond = perSecond
        self.burstCount = burstCount
    }
}

/// How often clients may do what (`rc_*`), with Synapse's keys and defaults.
public struct RateLimitsConfiguration: Sendable, Hashable {
    /// `rc_message`.
    public var message = RateLimitConfiguration(perSecond: 0.2, burstCount: 10)
    /// `rc_registration`.
    public var registration = RateLimitConfiguration()
    /// `rc_login.address`.
    public var loginAddress = RateLimitConfiguration(perSecond: 0.003, burstCount: 5)
    /// `rc_login.account`.
    public var loginAccount = RateLimitConfiguration(perSecond: 0.003, burstCount: 5)
    /// `rc_login.failed_attempts`.
    public var loginFailures = RateLimitConfiguration()
    /// `rc_admin_redaction`; nil where it is not configured.
    public var adminRedaction: RateLimitConfiguration?
    /// `rc_joins.local`.
    public var joinsLocal = RateLimitConfiguration(perSecond: 0.1, burstCount: 10)
    /// `rc_joins.remote`.
    public var joinsRemote = RateLimitConfiguration(perSecond: 0.01, burstCount: 10)
    /// `rc_joins_per_room`.
    public var joinsPerRoom = RateLimitConfiguration(perSecond: 1, burstCount: 10)
    /// `rc_invites.per_room`.
    public var invitesPerRoom = RateLimitConfiguration(perSecond: 0.3, burstCount: 10)
    /// `rc_invites.per_user`.
    public var invitesPerUser = RateLimitConfiguration(perSecond: 0.003, burstCount: 5)
    /// `rc_invites.per_issuer`.
    public var invitesPerIssuer = RateLimitConfiguration(perSecond: 0.3, burstCount: 10)
    /// `rc_room_creation`.
    public var roomCreation = RateLimitConfiguration(perSecond: 0.016, burstCount: 10)
    /// `rc_presence.per_user`.
    public var presence = RateLimitConfiguration(perSecond: 0.1, burstCount: 1)
    /// `rc_key_requests`.
    public var keyRequests = RateLimitConfiguration(perSecond: 20, burstCount: 100)

    /// Synapse's defaults.
    public init() {}
}

/// How long logins and their tokens last.
public struct SessionConfiguration: Sendable, Hashable {
    /// `refreshable_access_token_lifetime`.
    public var refreshableAccessTokenLifetime = Duration.seconds(300)
    /// `refresh_token_lifetime`; nil for ever.
    public var refreshTokenLifetime: Duration?
    /// `nonrefreshable_access_token_lifetime`; nil for ever.
    public var accessTokenLifetime: Duration?
    /// `session_lifetime`; nil for ever.
    public var sessionLifetime: Duration?
    /// `login_via_existing_session.enabled`.
    public var allowsLoginTokens = false
    /// `login_via_existing_session.require_ui_auth`.
    public var loginTokensNeedAuthentication = true
    /// `login_via_existing_session.token_timeout`.
    public var loginTokenTimeout = Duration.seconds(300)

    /// The defaults.
    public init() {}
}

/// How long people count as being there (`presence`).
public struct PresenceConfiguration: Sendable, Hashable {
    /// `idle_timeout`: without doing anything.
    public var idleTimeout = Duration.seconds(300)
    /// `sync_online_timeout`: without a connection.
    public var syncOnlineTimeout = Duration.seconds(30)
    /// `last_active_granularity`: for how long somebody who did something counts as active.
    public var lastActiveGranularity = Duration.seconds(60)

    /// The defaults.
    public init() {}
}

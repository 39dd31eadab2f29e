public import Matrix

/// What the configuration says that services need to know.
public struct HomeserverSettings: Sendable {
    /// The part of identifiers after the colon.
    public var serverName: String
    /// What this server signs events with.
    public var signingKey: SigningKey
    /// log2 of how often bcrypt turns.
    public var bcryptRounds = 12
    /// Appended to passwords before hashing.
    public var passwordPepper = ""
    /// Whether everybody may make an account.
    public var isRegistrationEnabled = false
    /// Whether people may look around without an account of their own (`allow_guest_access`).
    public var allowsGuests = false
    /// What tools register users with on a closed server (`registration_shared_secret`).
    public var registrationSharedSecret: String?
    /// The address that clients use, with a slash at its end (`public_baseurl`).
    public var publicBaseURL: String?
    /// Localparts that belong to application services, which nobody else may register.
    public var isExclusive: @Sendable (_ localpart: String) -> Bool = { _ in false }
    /// How long logins and their tokens last.
    public var sessions = SessionLifetimes()
    /// How often clients may do what.
    public var limits = RateLimits()
    /// Whether users see who is online (`presence.enabled`).
    public var isPresenceEnabled = true
    /// How long people count as being there (`presence.*`).
    public var presenceTiming = PresenceTiming()
    /// How long it is remembered from where users were seen; nil for ever (`user_ips_max_age`).
    public var sightingLifetime: Duration? = .seconds(28 * 86_400)
    /// The room version of rooms whose creator does not ask for one.
    public var defaultRoomVersion = "11"

    /// The defaults for a server of this name.
    public init(serverName: String, signingKey: SigningKey) {
        self.serverName = serverName
        self.signingKey = signingKey
    }
}

/// How long logins and their tokens last.
public struct SessionLifetimes: Sendable, Hashable {
    /// Access tokens of devices that can refresh them (`refreshable_access_token_lifetime`).
    public var refreshableToken = Duration.seconds(300)
    /// Refresh tokens that nobody uses; nil for ever (`refresh_token_lifetime`).
    public var refreshToken: Duration?
    /// Access tokens of other devices; nil for ever (`nonrefreshable_access_token_lifetime`).
    public var plainToken: Duration?
    /// A login, however often it is refreshed; nil for ever (`session_lifetime`).
    public var session: Duration?
    /// Whether a device may log another in (`login_via_existing_session.enabled`).
    public var allowsLoginTokens = false
    /// Whether it has to prove itself for that (`login_via_existing_session.require_ui_auth`).
    public var loginTokensNeedAuthentication = true
    /// How long the token for that lasts (`login_via_existing_session.token_timeout`).
    public var loginToken = Duration.seconds(300)

    /// The defaults.
    public init() {}
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

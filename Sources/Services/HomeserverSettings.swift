public import Configuration
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

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

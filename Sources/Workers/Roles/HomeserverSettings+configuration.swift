internal import Configuration
internal import Matrix
internal import Services

extension HomeserverSettings {
    /// What the files say.
    init(_ configuration: BeamlineConfiguration, signingKey: SigningKey) {
        self.init(serverName: configuration.server.name, signingKey: signingKey)
        let registration = configuration.registration
        bcryptRounds = registration.bcryptRounds
        passwordPepper = registration.passwordPepper
        isRegistrationEnabled = registration.isOpen
        allowsGuests = registration.allowsGuests
        registrationSharedSecret = registration.sharedSecret
        defaultRoomVersion = configuration.server.defaultRoomVersion
        publicBaseURL = configuration.server.publicBaseURL
        isPresenceEnabled = configuration.isPresenceEnabled
        presenceTiming = PresenceTiming(configuration.presence)
        sightingLifetime = registration.sightingLifetime
        sessions = SessionLifetimes(configuration.sessions)
        limits = RateLimits(configuration.rateLimits)
    }
}

extension PresenceTiming {
    fileprivate init(_ configuration: PresenceConfiguration) {
        self.init()
        idle = configuration.idleTimeout
        offline = configuration.syncOnlineTimeout
        active = configuration.lastActiveGranularity
    }
}

extension SessionLifetimes {
    fileprivate init(_ configuration: SessionConfiguration) {
        self.init()
        refreshableToken = configuration.refreshableAccessTokenLifetime
        refreshToken = configuration.refreshTokenLifetime
        plainToken = configuration.accessTokenLifetime
        session = configuration.sessionLifetime
        allowsLoginTokens = configuration.allowsLoginTokens
        loginTokensNeedAuthentication = configuration.loginTokensNeedAuthentication
        loginToken = configuration.loginTokenTimeout
    }
}

extension RateLimits {
    fileprivate init(_ configuration: RateLimitsConfiguration) {
        self.init()
        message = RateLimit(configuration.message)
        registration = RateLimit(configuration.registration)
        loginAddress = RateLimit(configuration.loginAddress)
        loginAccount = RateLimit(configuration.loginAccount)
        loginFailures = RateLimit(configuration.loginFailures)
        adminRedaction = configuration.adminRedaction.map { RateLimit($0) }
        joinsLocal = RateLimit(configuration.joinsLocal)
        joinsRemote = RateLimit(configuration.joinsRemote)
        joinsPerRoom = RateLimit(configuration.joinsPerRoom)
        invitesPerRoom = RateLimit(configuration.invitesPerRoom)
        invitesPerUser = RateLimit(configuration.invitesPerUser)
        invitesPerIssuer = RateLimit(configuration.invitesPerIssuer)
        roomCreation = RateLimit(configuration.roomCreation)
        presence = RateLimit(configuration.presence)
        keyRequests = RateLimit(configuration.keyRequests)
    }
}

extension RateLimit {
    fileprivate init(_ configuration: RateLimitConfiguration) {
        self.init(perSecond: configuration.perSecond, burstCount: configuration.burstCount)
    }
}

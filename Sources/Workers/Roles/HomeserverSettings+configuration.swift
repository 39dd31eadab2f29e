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
        presenceTiming = configuration.presence
        sightingLifetime = registration.sightingLifetime
        sessions = configuration.sessions
        limits = configuration.rateLimits
    }
}

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
    /// The room version of rooms whose creator does not ask for one.
    public var defaultRoomVersion = "11"

    /// The defaults for a server of this name.
    public init(serverName: String, signingKey: SigningKey) {
        self.serverName = serverName
        self.signingKey = signingKey
    }
}

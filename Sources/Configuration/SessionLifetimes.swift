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

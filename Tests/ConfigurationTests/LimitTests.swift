import Configuration
import Testing

@Suite struct LimitTests {
    @Test func limitsAreThoseOfSynapseUntilTheyAreWritten() throws {
        let limits = try load(mainSample).rateLimits
        #expect(limits == RateLimits())
        #expect(limits.message == RateLimit(perSecond: 0.2, burstCount: 10))
        #expect(limits.registration == RateLimit(perSecond: 0.17, burstCount: 3))
        #expect(limits.loginAccount == RateLimit(perSecond: 0.003, burstCount: 5))
        #expect(limits.adminRedaction == nil)
    }

    @Test func limitsAreReadAsWritten() throws {
        let configuration = try load(
            mainSample,
            """
            rc_message: {per_second: 1.5, burst_count: 20}
            rc_registration: {per_second: 2}
            rc_login:
              address: {per_second: 3, burst_count: 4}
              failed_attempts: {burst_count: 7}
            rc_joins:
              local: {per_second: 5}
            rc_invites: {per_user: {per_second: 6, burst_count: 8}}
            rc_admin_redaction: {per_second: 9, burst_count: 10}
            rc_presence: {per_user: {burst_count: 11}}
            """)
        let limits = configuration.rateLimits
        #expect(limits.message == RateLimit(perSecond: 1.5, burstCount: 20))
        #expect(limits.registration == RateLimit(perSecond: 2, burstCount: 3))
        #expect(limits.loginAddress == RateLimit(perSecond: 3, burstCount: 4))
        #expect(limits.loginFailures == RateLimit(perSecond: 0.17, burstCount: 7))
        #expect(limits.joinsLocal == RateLimit(perSecond: 5, burstCount: 10))
        #expect(limits.invitesPerUser == RateLimit(perSecond: 6, burstCount: 8))
        #expect(limits.adminRedaction == RateLimit(perSecond: 9, burstCount: 10))
        #expect(limits.presence == RateLimit(perSecond: 0.1, burstCount: 11))
        #expect(configuration.diagnostics.isEmpty)
    }

    @Test func theFormerKeysOfMessagesCountToo() throws {
        let limits = try load(
            mainSample, "rc_messages_per_second: 4\nrc_message_burst_count: 6\n"
        ).rateLimits
        #expect(limits.message == RateLimit(perSecond: 4, burstCount: 6))
    }

    @Test func loginsAndPresenceAreReadAsWritten() throws {
        let configuration = try load(
            mainSample,
            """
            allow_guest_access: true
            refreshable_access_token_lifetime: 10m
            refresh_token_lifetime: 24h
            session_lifetime: 30d
            login_via_existing_session: {enabled: true, require_ui_auth: false}
            user_ips_max_age: false
            presence: {enabled: true, idle_timeout: 1m, sync_online_timeout: 10s}
            """)
        #expect(configuration.registration.allowsGuests)
        #expect(configuration.registration.sightingLifetime == nil)
        let sessions = configuration.sessions
        #expect(sessions.refreshableToken == .seconds(600))
        #expect(sessions.refreshToken == .seconds(86_400))
        #expect(sessions.session == .seconds(30 * 86_400))
        #expect(sessions.plainToken == nil)
        #expect(sessions.allowsLoginTokens && !sessions.loginTokensNeedAuthentication)
        #expect(configuration.presence.idle == .seconds(60))
        #expect(configuration.presence.offline == .seconds(10))
        #expect(configuration.presence.active == .seconds(60))
        #expect(configuration.diagnostics.isEmpty)
    }

    @Test(arguments: [
        "rc_message: {per_second: often}", "rc_message: 5", "rc_login: {address: {per_second: -1}}",
        "rc_joins: {local: {burst_count: 1.5}}", "session_lifetime: long",
        "presence: {idle_timeout: 0}",
    ])
    func mistakesAreNamed(line: String) {
        #expect(throws: ConfigurationError.self) { try load(mainSample, line + "\n") }
    }
}

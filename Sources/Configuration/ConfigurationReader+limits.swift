internal import YAML

extension ConfigurationReader {
    /// From when on `/ready` says no.
    func readReadiness() -> ReadinessConfiguration {
        var readiness = ReadinessConfiguration()
        guard let section = root.section("readiness") else { return readiness }
        section.duration("max_lag", in: .seconds(1) ... .seconds(86_400)).map {
            readiness.lagMax = $0
        }
        section.integer("max_queue", in: 0...1_000_000).map { readiness.queueMax = $0 }
        section.reportUnknownKeys()
        return readiness
    }

    func readRateLimits() -> RateLimits {
        var limits = RateLimits()
        readMessageLimit(&limits.message)
        read("rc_registration", into: &limits.registration)
        if let section = root.section("rc_login") {
            read("address", of: section, into: &limits.loginAddress)
            read("account", of: section, into: &limits.loginAccount)
            read("failed_attempts", of: section, into: &limits.loginFailures)
            section.reportUnknownKeys()
        }
        if root.has("rc_admin_redaction") {
            var limit = RateLimit()
            read("rc_admin_redaction", into: &limit)
            limits.adminRedaction = limit
        }
        if let section = root.section("rc_joins") {
            read("local", of: section, into: &limits.joinsLocal)
            read("remote", of: section, into: &limits.joinsRemote)
            section.reportUnknownKeys()
        }
        read("rc_joins_per_room", into: &limits.joinsPerRoom)
        if let section = root.section("rc_invites") {
            read("per_room", of: section, into: &limits.invitesPerRoom)
            read("per_user", of: section, into: &limits.invitesPerUser)
            read("per_issuer", of: section, into: &limits.invitesPerIssuer)
            section.reportUnknownKeys()
        }
        read("rc_room_creation", into: &limits.roomCreation)
        if let section = root.section("rc_presence") {
            read("per_user", of: section, into: &limits.presence)
            section.reportUnknownKeys()
        }
        read("rc_key_requests", into: &limits.keyRequests)
        return limits
    }

    /// `rc_message`, or the two keys that it had before.
    private func readMessageLimit(_ limit: inout RateLimit) {
        let perSecond = root.number("rc_messages_per_second", in: 0...1e9)
        let burst = root.integer("rc_message_burst_count", in: 0...1_000_000_000)
        guard !root.has("rc_message") else { return read("rc_message", into: &limit) }
        perSecond.map { limit.perSecond = $0 }
        burst.map { limit.burstCount = $0 }
    }

    private func read(_ key: String, into limit: inout RateLimit) {
        read(key, of: root, into: &limit)
    }

    private func read(
        _ key: String, of parent: Section, into limit: inout RateLimit
    ) {
        guard let section = parent.section(key) else { return }
        section.number("per_second", in: 0...1e9).map { limit.perSecond = $0 }
        section.integer("burst_count", in: 0...1_000_000_000).map { limit.burstCount = $0 }
        section.reportUnknownKeys()
    }

    func readSessions() -> SessionLifetimes {
        var sessions = SessionLifetimes()
        let range = Duration.seconds(1)...Duration.seconds(1_000_000_000)
        root.duration("refreshable_access_token_lifetime", in: range).map {
            sessions.refreshableToken = $0
        }
        sessions.refreshToken = root.duration("refresh_token_lifetime", in: range)
        sessions.plainToken = root.duration(
            "nonrefreshable_access_token_lifetime", in: range)
        sessions.session = root.duration("session_lifetime", in: range)
        guard let section = root.section("login_via_existing_session") else { return sessions }
        section.bool("enabled").map { sessions.allowsLoginTokens = $0 }
        section.bool("require_ui_auth").map { sessions.loginTokensNeedAuthentication = $0 }
        section.duration("token_timeout", in: range).map { sessions.loginToken = $0 }
        section.reportUnknownKeys()
        return sessions
    }

    /// Whether presence is kept and shown, and how long people count as being there.
    func readPresence() -> (isEnabled: Bool, timing: PresenceTiming) {
        var timing = PresenceTiming()
        let former = root.bool("use_presence")
        guard let section = root.section("presence") else { return (former ?? true, timing) }
        let isEnabled = section.bool("enabled") ?? former ?? true
        let range = Duration.seconds(1)...Duration.seconds(86_400)
        section.duration("idle_timeout", in: range).map { timing.idle = $0 }
        section.duration("sync_online_timeout", in: range).map { timing.offline = $0 }
        section.duration("last_active_granularity", in: range).map {
            timing.active = $0
        }
        section.reportUnknownKeys(explained: [
            "include_offline_users_on_sync": "has no effect in Beamline"
        ])
        return (isEnabled, timing)
    }
}

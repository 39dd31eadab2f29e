internal import YAML

extension ConfigurationReader {
    func readServer() -> ServerConfiguration {
        let name = readServerName()
        let reportStats = root.bool("report_stats")
        if !root.has("report_stats") {
            missing("report_stats", expected: "true or false (nothing is ever sent)")
        }
        return ServerConfiguration(
            name: name, reportStats: reportStats ?? false,
            publicBaseURL: readPublicBaseURL(),
            defaultRoomVersion: readDefaultRoomVersion(),
            signingKeyPath: path("signing_key_path") ?? files.absolute("\(name).signing.key"),
            macaroonSecretKey: root.text("macaroon_secret_key"),
            appServiceFiles: (root.strings("app_service_config_files") ?? []).map {
                files.absolute($0.0)
            })
    }

    private func readServerName() -> String {
        let expected = "a host name, with a port if need be, such as example.org"
        guard let node = root.node("server_name") else {
            missing("server_name", expected: expected)
            return "localhost"
        }
        guard let name = node.string, isServerName(name) else {
            root.mismatch("server_name", node, expected: expected)
            return "localhost"
        }
        return name
    }

    private func readPublicBaseURL() -> String? {
        guard let node = root.node("public_baseurl") else { return nil }
        guard let url = node.string, url.hasPrefix("https://") || url.hasPrefix("http://") else {
            root.mismatch(
                "public_baseurl", node, expected: "an address such as https://matrix.example.org/")
            return nil
        }
        return url.hasSuffix("/") ? url : url + "/"
    }

    private func readDefaultRoomVersion() -> String {
        guard let node = root.node("default_room_version") else { return "11" }
        let known = (1...12).map(String.init)
        guard node.string != nil || node.integer != nil, known.contains(node.text) else {
            root.mismatch(
                "default_room_version", node, expected: "a room version from \"1\" to \"12\"")
            return "11"
        }
        return node.text
    }

    func readRegistration() -> RegistrationConfiguration {
        let isOpen = root.bool("enable_registration") ?? false
        let isMeant = root.bool("enable_registration_without_verification") ?? false
        if isOpen && !isMeant {
            root.fail(
                "enable_registration", "opens the server to everybody without any verification",
                expected:
                    "enable_registration_without_verification: true beside it if that is meant")
        }
        var pepper = ""
        if let section = root.section("password_config") {
            pepper = section.text("pepper") ?? ""
            section.ignore(["enabled", "localdb_enabled", "policy"])
            section.reportUnknownKeys()
        }
        var registration = RegistrationConfiguration(
            isOpen: isOpen, sharedSecret: root.text("registration_shared_secret"),
            bcryptRounds: root.integer("bcrypt_rounds", in: 4...31) ?? 12, passwordPepper: pepper)
        registration.allowsGuests = root.bool("allow_guest_access") ?? false
        let day = Duration.seconds(86_400)
        if let node = root.node("user_ips_max_age"), node.bool == false {
            registration.sightingLifetime = nil
        } else if let age = root.duration("user_ips_max_age", in: .seconds(1)...day * 36_500) {
            registration.sightingLifetime = age
        }
        return registration
    }

    /// A job that a worker is started for must be taken from the main process in the shared files.
    func readDuties(role: WorkerRole) -> Duties {
        var duties = Duties(
            sendsFederation: root.bool("send_federation") ?? true,
            startsPushers: root.bool("start_pushers") ?? true,
            notifiesAppServices: root.bool("notify_appservices") ?? true)
        func check(_ key: String, _ isLeftToMain: Bool) {
            guard isLeftToMain else { return }
            let state = root.has(key) ? "is true" : "is not set and so true"
            root.fail(
                key, "\(state), so the main process would do the \(role.rawValue) worker's job too",
                expected: "\(key): false in the main configuration")
        }
        switch role {
        case .pusher:
            check("start_pushers", duties.startsPushers)
            duties.startsPushers = true
        case .appservice:
            check("notify_appservices", duties.notifiesAppServices)
            duties.notifiesAppServices = true
        case .homeserver: return duties
        case .synchrotron, .federationReader, .mediaRepository, .clientReader: break
        }
        // What the main process does is not a worker's business.
        duties.sendsFederation = false
        if role != .pusher { duties.startsPushers = false }
        if role != .appservice { duties.notifiesAppServices = false }
        return duties
    }

    func readEventLoopBackend() -> EventLoopBackend {
        guard let section = root.section("event_loop") else { return .auto }
        defer { section.reportUnknownKeys() }
        guard let node = section.node("backend") else { return .auto }
        if let name = node.string, let backend = EventLoopBackend(rawValue: name) { return backend }
        section.mismatch("backend", node, expected: "one of auto, epoll, io_uring")
        return .auto
    }

    func readHTTPLimits() -> HTTPLimitsConfiguration {
        var limits = HTTPLimitsConfiguration()
        let second = Duration.seconds(1)
        guard let section = root.section("http_limits") else { return limits }
        section.size("max_header_size", in: 1024...(16 << 20)).map { limits.headerBytesMax = $0 }
        section.integer("max_header_count", in: 1...10_000).map { limits.headerCountMax = $0 }
        section.size("max_request_body_size", in: 1024...(1 << 30)).map {
            limits.bodyBytesMax = $0
        }
        section.duration("idle_timeout", in: second...(second * 86400)).map {
            limits.idleTimeout = $0
        }
        section.reportUnknownKeys()
        return limits
    }

    func readReplicationLimits() -> ReplicationLimitsConfiguration {
        var limits = ReplicationLimitsConfiguration()
        let second = Duration.seconds(1)
        guard let section = root.section("replication_limits") else { return limits }
        section.size("max_line_size", in: 4096...(1 << 30)).map { limits.lineBytesMax = $0 }
        section.size("max_pending_size", in: 65536...(1 << 33)).map { limits.pendingBytesMax = $0 }
        section.integer("max_connections", in: 1...1_000_000).map { limits.connectionsMax = $0 }
        section.duration("ping_interval", in: (second / 10)...(second * 3600)).map {
            limits.pingInterval = $0
        }
        section.duration("idle_timeout", in: (second / 10)...(second * 86400)).map {
            limits.idleTimeout = $0
        }
        if limits.idleTimeout <= limits.pingInterval {
            section.fail(
                section.has("idle_timeout") ? "idle_timeout" : "ping_interval",
                "gives a connection up before it is pinged",
                expected: "an idle_timeout longer than the ping_interval")
        }
        section.reportUnknownKeys()
        return limits
    }
}

/// Whether a text is a server name: a host name or an address, perhaps with a port.
func isServerName(_ text: String) -> Bool {
    guard (1...230).contains(text.utf8.count) else { return false }
    var host = Substring(text)
    if let colon = text.lastIndex(of: ":"), text.last != "]" {
        let port = text[text.index(after: colon)...]
        guard (1...5).contains(port.count), port.allSatisfy({ $0.isASCII && $0.isNumber }) else {
            return false
        }
        host = text[..<colon]
    }
    if host.hasPrefix("[") {
        guard host.hasSuffix("]"), host.count > 3 else { return false }
        return host.dropFirst().dropLast().allSatisfy {
            $0 == ":" || $0 == "." || ($0.isASCII && $0.isHexDigit)
        }
    }
    return !host.isEmpty
        && host.allSatisfy {
            $0 == "-" || $0 == "." || ($0.isASCII && ($0.isLetter || $0.isNumber))
        }
}

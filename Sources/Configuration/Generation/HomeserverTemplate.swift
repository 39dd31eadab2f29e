internal import YAML

/// The main process's configuration file, with comments for the person who will edit it.
public struct HomeserverTemplate: Sendable, Hashable {
    /// The part after the colon of every user.
    public var serverName: String
    /// The answer to the question that every configuration must answer.
    public var reportStats: Bool
    /// The folder that the paths of the file start with.
    public var directory: String
    /// The port for clients and other servers.
    public var clientPort: UInt16 = 8008
    /// The addresses of that port.
    public var bindAddresses = ["127.0.0.1", "::1"]
    /// The port for workers; nil for a server without workers.
    public var replicationPort: UInt16?
    /// How the database is reached.
    public var database = DatabaseConfiguration(
        host: "localhost", user: "beamline", password: "", database: "beamline")
    /// Whether the workers take the jobs that only one process may do.
    public var leavesJobsToWorkers = false
    /// Whether anybody may register.
    public var hasOpenRegistration = false
    /// The cost of hashing a password; nil for the default.
    public var bcryptRounds: Int?
    /// Whether clients may do everything as often as they like, for demonstrations and measurements.
    public var hasNoRateLimits = false
    /// Whether `/_synapse/metrics` is served.
    public var enablesMetrics = false
    /// Secrets of this server; made anew for each template.
    public var macaroonSecretKey = randomSecret()
    /// The secret with which tools register users.
    public var registrationSharedSecret = randomSecret()

    /// A file for a server of this name.
    public init(serverName: String, reportStats: Bool, directory: String) {
        self.serverName = serverName
        self.reportStats = reportStats
        self.directory = directory
    }

    /// Where the signing key belongs.
    public var signingKeyPath: String { "\(directory)/\(serverName).signing.key" }

    /// Where the log configuration belongs.
    public var logConfigurationPath: String { "\(directory)/\(serverName).log.config" }

    /// Where the log goes.
    public var logPath: String { "\(directory)/homeserver.log" }

    /// Where the process number goes.
    public var pidPath: String { "\(directory)/homeserver.pid" }

    /// The file's text.
    public var yaml: String {
        [
            serverPart, listenersPart, databasePart, registrationPart, rateLimitsPart, filesPart,
            jobsPart, limitsPart,
        ].joined(separator: "\n")
    }

    private var serverPart: String {
        """
        # Configuration of the main process. Workers read this file too, with their own laid over it.

        # The part after the colon of every user. It can never change.
        server_name: \(quotedScalar(serverName))

        # Mandatory. Whatever the answer, nothing is ever reported to anybody.
        report_stats: \(reportStats)

        # The address that clients use, if it is not the one they connect to.
        #public_baseurl: https://matrix.example.org/

        # Where the process writes its number; synctl needs it.
        pid_file: \(scalar(pidPath))

        """
    }

    private var listenersPart: String {
        let addresses = bindAddresses.map(quotedScalar).joined(separator: ", ")
        var text = """
            # What the process listens on. TLS is left to the proxy in front, or served with `tls: true`.
            listeners:
              - type: http
                port: \(clientPort)
                bind_addresses: [\(addresses)]
                # Believe the X-Forwarded-For header of the proxy.
                x_forwarded: true
                resources:
                  - names: [client, federation\(enablesMetrics ? ", metrics" : "")]
                    compress: false

            """
        if let replicationPort {
            text += """

                  # Workers connect here. Never expose this port: it has no authentication.
                  - type: replication
                    port: \(replicationPort)
                    bind_address: '127.0.0.1'

                """
        } else {
            text += """

                  # Workers connect here. Never expose this port: it has no authentication.
                  #- type: replication
                  #  port: 9092
                  #  bind_address: '127.0.0.1'

                """
        }
        return text
    }

    private var databasePart: String {
        var arguments: [(String, String)] = []
        database.user.map { arguments.append(("user", quotedScalar($0))) }
        database.password.map { arguments.append(("password", quotedScalar($0))) }
        database.database.map { arguments.append(("database", quotedScalar($0))) }
        database.host.map { arguments.append(("host", quotedScalar($0))) }
        database.port.map { arguments.append(("port", "\($0)")) }
        arguments.append(("cp_min", "\(database.poolMin)"))
        arguments.append(("cp_max", "\(database.poolMax)"))
        for (keyword, value) in database.options.sorted(by: { $0.key < $1.key }) {
            arguments.append((keyword, quotedScalar(value)))
        }
        let lines = arguments.map { "    \($0.0): \($0.1)" }.joined(separator: "\n")
        return """
            # A PostgreSQL database with the collation C, for example made by
            #   createdb --encoding=UTF8 --locale=C --template=template0 --owner=beamline beamline
            # Every keyword of libpq may stand among the args. cp_min and cp_max bound the number of
            # connections of each process; no statement may take longer than statement_timeout.
            database:
              name: psycopg2
              #statement_timeout: 60s
              args:
            \(lines)

            """
    }

    private var registrationPart: String {
        let rounds = bcryptRounds.map { "bcrypt_rounds: \($0)" } ?? "#bcrypt_rounds: 12"
        return """
            # Whether anybody may register. The second key says that you mean it.
            enable_registration: \(hasOpenRegistration)
            enable_registration_without_verification: \(hasOpenRegistration)

            # For tools that register users although registration is closed.
            registration_shared_secret: \(quotedScalar(registrationSharedSecret))

            # Kept for compatibility; access tokens of this server do not need it.
            macaroon_secret_key: \(quotedScalar(macaroonSecretKey))

            # The cost of hashing a password: one more doubles it.
            \(rounds)

            """
    }

    private var rateLimitsPart: String {
        guard hasNoRateLimits else {
            return """
                # How often clients may do what: in the long run, and at once after a rest. What is not here is as in Synapse.
                #rc_message: {per_second: 0.2, burst_count: 10}
                #rc_login:
                #  address: {per_second: 0.003, burst_count: 5}

                """
        }
        let open = "{per_second: 1000000, burst_count: 1000000}"
        return """
            # Clients may do everything as often as they like: not for servers that others can reach.
            rc_message: \(open)
            rc_registration: \(open)
            rc_login: {address: \(open), account: \(open), failed_attempts: \(open)}
            rc_joins: {local: \(open), remote: \(open)}
            rc_joins_per_room: \(open)
            rc_invites: {per_room: \(open), per_user: \(open), per_issuer: \(open)}
            rc_room_creation: \(open)
            rc_presence: {per_user: \(open)}

            """
    }

    private var filesPart: String {
        """
        # The key that signs events. Keep it: without it the server loses its identity.
        signing_key_path: \(scalar(signingKeyPath))

        # Levels and files of the log, as Python's logging has them.
        log_config: \(scalar(logConfigurationPath))

        # Uploads and their thumbnails; not used by this release.
        media_store_path: \(scalar("\(directory)/media_store"))

        """
    }

    private var jobsPart: String {
        let state = leavesJobsToWorkers ? "false" : "true"
        return """
            # Jobs that exactly one process does: false where a worker does them.
            start_pushers: \(state)
            notify_appservices: \(state)

            # Kept for compatibility: listeners with the resource metrics serve them in any case.
            enable_metrics: \(enablesMetrics)

            # Whether users see who is online.
            presence:
              enabled: true

            """
    }

    private var limitsPart: String {
        """
        # The system interface of the event loop: auto, epoll or io_uring.
        event_loop:
          backend: auto

        # Open files that the process asks for; 0 is as many as the system allows.
        soft_file_limit: 0

        # What a client may ask of the HTTP listeners.
        #http_limits:
        #  max_header_size: 32K
        #  max_header_count: 100
        #  max_request_body_size: 12800K
        #  idle_timeout: 90s

        # What a worker's connection may cost the main process.
        #replication_limits:
        #  max_line_size: 1M
        #  max_pending_size: 64M
        #  max_connections: 1000
        #  ping_interval: 5s
        #  idle_timeout: 25s

        """
    }
}

/// Letters and digits with 256 bits of chance, from the system's generator.
public func randomSecret() -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    var generator = SystemRandomNumberGenerator()
    return String((0..<43).compactMap { _ in alphabet.randomElement(using: &generator) })
}

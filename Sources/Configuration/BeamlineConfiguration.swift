/// Everything that one process, main or worker, reads from its files.
///
/// A worker's configuration is the main's with the worker's file laid over it. `listeners`,
/// `pidFile`, `logging` and `daemonize` are already those of this very process.
public struct BeamlineConfiguration: Sendable {
    /// What this process does.
    public var role: WorkerRole
    /// How it calls itself to the main process (`worker_name`, else `worker_app`); "main" for the main.
    public var instanceName: String
    /// The files that were read, in order, as absolute paths.
    public var files: [String]
    /// Where the main process listens for replication; nil for the main itself.
    public var replicationServer: ReplicationServerConfiguration?
    /// How many processes the worker's file stands for, and which of them this is.
    public var replicas = ReplicasConfiguration()
    /// From when on `/ready` says no (`readiness`).
    public var readiness = ReadinessConfiguration()
    /// Whether the worker is for syncs without `since`, which `beamline routes` then sends to it and its like
    /// (`worker_initial_syncs`).
    public var servesInitialSyncs = false
    /// How long a sync may work before the log says where its time went; nil: never
    /// (`slow_sync_threshold`).
    public var slowSyncThreshold: Duration? = .seconds(1)
    /// What this process listens on.
    public var listeners: [ListenerConfiguration]
    /// Where this process writes its process number.
    public var pidFile: String?
    /// Whether it leaves the terminal (`daemonize`, `worker_daemonize`).
    public var daemonize: Bool
    /// Where its log goes.
    public var logging: LoggingTarget
    /// Open files that the process asks for; 0 is as many as allowed (`soft_file_limit`).
    public var softFileLimit: Int
    /// Who the server is.
    public var server: ServerConfiguration
    /// How the database is reached.
    public var database: DatabaseConfiguration
    /// Who may register, and how passwords are kept.
    public var registration: RegistrationConfiguration
    /// How long logins and their tokens last.
    public var sessions = SessionLifetimes()
    /// How often clients may do what (`rc_*`).
    public var rateLimits = RateLimits()
    /// Whether presence is kept and shown (`presence.enabled`).
    public var isPresenceEnabled: Bool
    /// How long people count as being there (`presence`).
    public var presence = PresenceTiming()
    /// Where uploads are kept.
    public var mediaStorePath: String?
    /// Whether `/_synapse/metrics` is served (`enable_metrics`, or a listener for it).
    public var enableMetrics: Bool
    /// The jobs that the merged files leave to this process.
    public var duties: Duties
    /// The loop's system interface.
    public var eventLoopBackend: EventLoopBackend
    /// The certificate of TLS listeners, if there are any (`tls_certificate_path`,
    /// `tls_private_key_path`).
    public var tls: TLSFiles?
    /// What HTTP clients may ask for.
    public var httpLimits: HTTPLimitsConfiguration
    /// How replication is spoken.
    public var replication: ReplicationConfiguration
    /// What replication connections may cost.
    public var replicationLimits: ReplicationLimitsConfiguration
    /// Warnings and remarks that did not keep the configuration from being used.
    public var diagnostics: [Diagnostic]

    /// Whether this is the main process.
    public var isMain: Bool { role == .homeserver }

    /// A configuration made by hand, mostly for tests: as if nothing but this were configured.
    public init(
        role: WorkerRole = .homeserver, server: ServerConfiguration,
        database: DatabaseConfiguration, listeners: [ListenerConfiguration] = [],
        replicationServer: ReplicationServerConfiguration? = nil
    ) {
        self.role = role
        self.server = server
        self.database = database
        self.listeners = listeners
        self.replicationServer = replicationServer
        instanceName = role == .homeserver ? "main" : role.appName
        files = []
        daemonize = false
        logging = .standardError
        softFileLimit = 0
        registration = RegistrationConfiguration()
        isPresenceEnabled = true
        enableMetrics = false
        duties = Duties()
        eventLoopBackend = .auto
        httpLimits = HTTPLimitsConfiguration()
        replication = ReplicationConfiguration()
        replicationLimits = ReplicationLimitsConfiguration()
        diagnostics = []
    }
}

/// The main process's replication listener, as a worker reaches it.
public struct ReplicationServerConfiguration: Sendable, Hashable {
    /// `worker_replication_host`.
    public var host: String
    /// `worker_replication_port`.
    public var port: UInt16
    /// Whether TLS is spoken with it (`worker_replication_tls`).
    public var isTLS: Bool
    /// The authorities that its certificate must come from, as a PEM file; nil: those of the system
    /// (`worker_replication_ca_path`).
    public var authoritiesPath: String?

    /// A place to connect to.
    public init(
        host: String, port: UInt16, isTLS: Bool = false, authoritiesPath: String? = nil
    ) {
        self.host = host
        self.port = port
        self.isTLS = isTLS
        self.authoritiesPath = authoritiesPath
    }
}

/// How replication is spoken, the same in all processes of a fleet.
public struct ReplicationConfiguration: Sendable, Hashable {
    /// How commands and rows are written (`replication_dialect`).
    public enum Dialect: String, Sendable, Hashable, CaseIterable {
        /// As in April 2017.
        case classic
        /// As from 2020 on, with the names of writers.
        case named
    }

    /// How commands and rows are written.
    public var dialect = Dialect.classic
    /// What a worker must say first (`worker_replication_secret`); nil: nothing.
    public var secret: String?
    /// A file that holds the secret instead (`worker_replication_secret_path`).
    public var secretPath: String?

    /// The dialect of 2017 without a secret.
    public init() {}

    /// Whether workers must know a secret.
    public var hasSecret: Bool { secret != nil || secretPath != nil }
}

/// From when on a process counts as not ready.
public struct ReadinessConfiguration: Sendable, Hashable {
    /// How far a stream of replication may be behind (`max_lag`).
    public var lagMax = Duration.seconds(30)
    /// How many requests may wait for the database (`max_queue`).
    public var queueMax = 1000

    /// The defaults.
    public init() {}
}

/// Where a process's log goes.
public enum LoggingTarget: Sendable, Hashable {
    /// As a Python logging file says (`log_config`, `worker_log_config`).
    case configuration(path: String)
    /// Into one file with the usual format (`log_file`, `worker_log_file`).
    case file(path: String)
    /// To standard error.
    case standardError
}

/// The files of the certificate that TLS listeners show, as PEM.
public struct TLSFiles: Sendable, Hashable {
    /// The certificate with its chain (`tls_certificate_path`).
    public var certificatePath: String
    /// Its private key, not encrypted (`tls_private_key_path`).
    public var privateKeyPath: String

    /// A certificate and its key.
    public init(certificatePath: String, privateKeyPath: String) {
        self.certificatePath = certificatePath
        self.privateKeyPath = privateKeyPath
    }
}

/// Who the server is and how it shows itself.
public struct ServerConfiguration: Sendable, Hashable {
    /// The part after the colon of every user of this server.
    public var name: String
    /// Whether the operator agreed to usage reports.
    ///
    /// Nothing is ever sent; the key is mandatory.
    public var reportStats: Bool
    /// The address that clients use, with a slash at the end (`public_baseurl`).
    public var publicBaseURL: String?
    /// The version of rooms that are made without a wish (`default_room_version`).
    public var defaultRoomVersion: String
    /// The file with the signing key (`signing_key_path`).
    public var signingKeyPath: String
    /// What access tokens were once signed with (`macaroon_secret_key`).
    public var macaroonSecretKey: String?
    /// Registration files of application services (`app_service_config_files`).
    public var appServiceFiles: [String]

    /// A server of this name; the rest is as if nothing were configured.
    public init(
        name: String, reportStats: Bool = false, publicBaseURL: String? = nil,
        defaultRoomVersion: String = "11", signingKeyPath: String? = nil,
        macaroonSecretKey: String? = nil, appServiceFiles: [String] = []
    ) {
        self.name = name
        self.reportStats = reportStats
        self.publicBaseURL = publicBaseURL
        self.defaultRoomVersion = defaultRoomVersion
        self.signingKeyPath = signingKeyPath ?? "\(name).signing.key"
        self.macaroonSecretKey = macaroonSecretKey
        self.appServiceFiles = appServiceFiles
    }
}

/// Who may register, and how passwords are kept.
public struct RegistrationConfiguration: Sendable, Hashable {
    /// Whether anybody may register (`enable_registration`).
    public var isOpen: Bool
    /// What tools use to register users on a closed server (`registration_shared_secret`).
    public var sharedSecret: String?
    /// The cost of hashing a password (`bcrypt_rounds`).
    public var bcryptRounds: Int
    /// A secret that is hashed along with every password (`password_config.pepper`).
    public var passwordPepper: String
    /// Whether people may look around without an account of their own (`allow_guest_access`).
    public var allowsGuests = false
    /// How long it is remembered from where users were seen; nil for ever (`user_ips_max_age`).
    public var sightingLifetime: Duration? = .seconds(28 * 86_400)

    /// Rules for registration; the defaults are those of a closed server.
    public init(
        isOpen: Bool = false, sharedSecret: String? = nil, bcryptRounds: Int = 12,
        passwordPepper: String = ""
    ) {
        self.isOpen = isOpen
        self.sharedSecret = sharedSecret
        self.bcryptRounds = bcryptRounds
        self.passwordPepper = passwordPepper
    }
}

/// Jobs that a fleet does in exactly one place.
public struct Duties: Sendable, Hashable {
    /// Whether this process sends federation traffic (`send_federation`).
    public var sendsFederation: Bool
    /// Whether this process runs pushers (`start_pushers`; the pusher worker always does).
    public var startsPushers: Bool
    /// Whether this process talks to application services (`notify_appservices`; that worker always).
    public var notifiesAppServices: Bool

    /// Jobs of a process; the defaults are those of a main process without workers.
    public init(
        sendsFederation: Bool = true, startsPushers: Bool = true, notifiesAppServices: Bool = true
    ) {
        self.sendsFederation = sendsFederation
        self.startsPushers = startsPushers
        self.notifiesAppServices = notifiesAppServices
    }
}

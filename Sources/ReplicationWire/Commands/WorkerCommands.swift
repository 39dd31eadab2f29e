/// A user began or ended to sync at a worker.
public struct UserSync: Sendable, Hashable {
    /// The worker's instance; only the named dialect says it.
    public var instance: String?
    /// Who.
    public var userID: String
    /// Whether the user began (or goes on) to sync.
    public var isSyncing: Bool
    /// When the user was last seen, in milliseconds since 1970.
    public var lastSyncMilliseconds: Int64

    /// A beginning or an end.
    public init(
        userID: String, isSyncing: Bool, lastSyncMilliseconds: Int64, instance: String? = nil
    ) {
        self.instance = instance
        self.userID = userID
        self.isSyncing = isSyncing
        self.lastSyncMilliseconds = lastSyncMilliseconds
    }
}

/// Where and with what a user was seen.
public struct UserIP: Sendable, Hashable {
    /// Who.
    public var userID: String
    /// The access token of the request.
    public var accessToken: String
    /// The address that it came from.
    public var ip: String
    /// What called itself.
    public var userAgent: String
    /// The device of the access token.
    public var deviceID: String?
    /// When, in milliseconds since 1970.
    public var lastSeenMilliseconds: Int64

    /// A sighting.
    public init(
        userID: String, accessToken: String, ip: String, userAgent: String, deviceID: String?,
        lastSeenMilliseconds: Int64
    ) {
        self.userID = userID
        self.accessToken = accessToken
        self.ip = ip
        self.userAgent = userAgent
        self.deviceID = deviceID
        self.lastSeenMilliseconds = lastSeenMilliseconds
    }
}

/// The rows of the federation stream up to a token are dealt with.
public struct FederationAck: Sendable, Hashable {
    /// The worker's instance; only the named dialect says it.
    public var instance: String?
    /// The last token that is dealt with.
    public var token: Int64

    /// An acknowledgement.
    public init(token: Int64, instance: String? = nil) {
        self.instance = instance
        self.token = token
    }
}

/// A pusher that its gateway refused for good.
public struct RemovePusher: Sendable, Hashable {
    /// The pusher's application.
    public var appID: String
    /// The pusher's key. Cannot hold a newline; a space only by luck.
    public var pushKey: String
    /// Whose pusher.
    public var userID: String

    /// A refused pusher.
    public init(appID: String, pushKey: String, userID: String) {
        self.appID = appID
        self.pushKey = pushKey
        self.userID = userID
    }
}

/// A cache of which some or all entries are out of date.
public struct InvalidateCache: Sendable, Hashable {
    /// The cache.
    public var cache: String
    /// The entry's keys; nil for the whole cache.
    public var keys: [String]?

    /// Entries out of date.
    public init(cache: String, keys: [String]?) {
        self.cache = cache
        self.keys = keys
    }
}

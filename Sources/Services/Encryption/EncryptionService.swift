public import JSON
import Postgres
public import Reactor
public import Storage

/// The public keys of users and devices, with which they encrypt to each other. On the main process's loop.
public final class EncryptionService {
    let settings: HomeserverSettings
    let pool: PostgresPool
    let lists: DeviceListChanges
    let clock: WallClock
    private let caches: CacheInvalidator

    /// The caches that hold how many keys devices have left, by the names that other processes know them by.
    public static let countCache = "count_e2e_one_time_keys"
    /// The same of unused fallback keys.
    public static let fallbackCache = "get_e2e_unused_fallback_key_types"

    init(
        settings: HomeserverSettings, pool: PostgresPool, lists: DeviceListChanges,
        caches: CacheInvalidator, clock: WallClock
    ) {
        self.settings = settings
        self.pool = pool
        self.lists = lists
        self.caches = caches
        self.clock = clock
    }

    /// Takes a device's keys in. Returns how many one-time keys it has left, by algorithm.
    ///
    /// A one-time key of a known id must be the same again: throws M_UNKNOWN otherwise.
    public func upload(
        _ body: JSON, owner: AccessTokens.Owner, deviceID named: String? = nil,
        on loop: isolated EventLoop
    ) async throws -> JSON {
        guard let deviceID = owner.deviceID else {
            throw MatrixError(400, "M_UNKNOWN", "Only devices can upload keys")
        }
        guard named == nil || named == deviceID else {
            throw MatrixError.invalidParameter("Keys are uploaded by their own device")
        }
        let userID = owner.userID
        let upload = try KeyUpload(body, userID: userID, deviceID: deviceID)
        let now = clock.now
        if let keys = upload.deviceKeys {
            try await lists.change(of: userID, on: loop) { connection in
                let isNew = try await DeviceKeys.store(
                    keys, userID: userID, deviceID: deviceID, now: now, in: connection, on: loop)
                return ((), isNew ? [deviceID] : [])
            }
        }
        if !upload.oneTimeKeys.isEmpty {
            try await pool.transaction(on: loop) { connection in
                let stored = try await OneTimeKeys.add(
                    upload.oneTimeKeys, userID: userID, deviceID: deviceID, now: now,
                    in: connection, on: loop)
                try Self.requireSame(upload.oneTimeKeys, stored)
            }
            try await invalidate(Self.countCache, [[userID, deviceID]], on: loop)
        }
        if !upload.fallbackKeys.isEmpty {
            try await OneTimeKeys.setFallbacks(
                upload.fallbackKeys, userID: userID, deviceID: deviceID, in: pool, on: loop)
            try await invalidate(Self.fallbackCache, [[userID, deviceID]], on: loop)
        }
        let counts = try await KeyCounts.read(
            userID: userID, deviceID: deviceID, in: pool, on: loop)
        return counts.oneTimeKeys
    }

    private static func requireSame(
        _ uploaded: [OneTimeKeys.Key], _ stored: [OneTimeKeys.Key]
    ) throws(MatrixError) {
        let known = Set(stored)
        guard let other = uploaded.first(where: { !known.contains($0) }) else { return }
        throw MatrixError(
            400, "M_UNKNOWN", "One time key \(other.algorithm):\(other.keyID) already exists")
    }

    func invalidate(
        _ cache: String, _ keys: [[String]], on loop: isolated EventLoop
    ) async throws {
        try await caches.invalidateEach(cache, keyLists: keys, on: loop)
    }

    // MARK: Others' keys

    /// The keys of users and their devices, as `POST /keys/query` answers.
    public func query(
        _ body: JSON, by viewerID: String, on loop: isolated EventLoop
    ) async throws -> JSON {
        let wishes = try KeyQuery(body, settings.serverName)
        let keys = try await DeviceKeys.keys(of: wishes.devices, in: pool, on: loop)
        let users = wishes.users
        let cross = try await CrossSigning.keys(of: users, in: pool, on: loop)
        let signatures = try await CrossSigning.signatures(
            under: users, seenBy: viewerID, in: pool, on: loop)
        var answer = KeyQueryAnswer(users: users, signatures: signatures)
        for key in keys { try answer.add(key) }
        for key in cross where key.kind != "user_signing" || key.userID == viewerID {
            try answer.add(key)
        }
        return answer.body(failures: Self.failures(wishes.unreachable))
    }

    /// Takes one key of each device asked for, as `POST /keys/claim` answers. A key is given away once; when none is left
    /// the device's fallback key serves.
    public func claim(_ body: JSON, on loop: isolated EventLoop) async throws -> JSON {
        let wishes = try KeyClaim(body, settings.serverName)
        guard !wishes.claims.isEmpty else {
            return ["one_time_keys": [:], "failures": Self.failures(wishes.unreachable)]
        }
        let (taken, fallbacks) = try await pool.transaction(on: loop) { connection in
            let taken = try await OneTimeKeys.claim(wishes.claims, in: connection, on: loop)
            let served = Set(taken.map(\.claim))
            let rest = wishes.claims.filter { !served.contains($0) }
            guard !rest.isEmpty else { return (taken, [OneTimeKeys.Claimed]()) }
            return (
                taken, try await OneTimeKeys.claimFallbacks(rest, in: connection, on: loop)
            )
        }
        try await invalidate(Self.countCache, Self.places(taken), on: loop)
        try await invalidate(Self.fallbackCache, Self.places(fallbacks), on: loop)
        var users = JSON([:])
        for claimed in taken + fallbacks {
            let (claim, key) = (claimed.claim, claimed.key)
            var devices = users[claim.userID] ?? [:]
            var named = devices[claim.deviceID] ?? [:]
            named["\(key.algorithm):\(key.keyID)"] = try JSON(parsing: key.json)
            devices[claim.deviceID] = named
            users[claim.userID] = devices
        }
        return ["one_time_keys": users, "failures": Self.failures(wishes.unreachable)]
    }

    private static func places(_ claimed: [OneTimeKeys.Claimed]) -> [[String]] {
        Set(claimed.map { [$0.claim.userID, $0.claim.deviceID] }).sorted {
            $0.lexicographicallyPrecedes($1)
        }
    }

    /// Servers that could not be asked: there is no federation yet.
    private static func failures(_ servers: Set<String>) -> JSON {
        var failures = JSON([:])
        for server in servers.sorted() {
            failures[server] = ["status": 503, "message": "Not ready for retry"]
        }
        return failures
    }
}

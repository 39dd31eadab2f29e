import Postgres
public import Reactor
public import Storage

/// The devices of users: their list, their names, their end. On the main process's loop.
public final class DeviceService {
    private let pool: PostgresPool
    private let lists: DeviceListChanges
    private let tokens: TokenCache
    private let caches: CacheInvalidator
    /// Those of a device end with it.
    var pushers: PusherService?

    init(
        pool: PostgresPool, lists: DeviceListChanges, tokens: TokenCache, caches: CacheInvalidator
    ) {
        self.pool = pool
        self.lists = lists
        self.tokens = tokens
        self.caches = caches
    }

    /// The devices of a user.
    public func devices(
        userID: String, on loop: isolated EventLoop
    ) async throws -> [Devices.Device] {
        try await Devices.all(userID: userID, in: pool, on: loop)
    }

    /// One device of a user. Throws M_NOT_FOUND.
    public func device(
        _ deviceID: String, userID: String, on loop: isolated EventLoop
    ) async throws -> Devices.Device {
        let device = try await Devices.device(deviceID, userID: userID, in: pool, on: loop)
        guard let device else { throw MatrixError.notFound("No such device") }
        return device
    }

    /// The longest name of a device, in bytes.
    static let nameBytesMax = 256

    /// Names a device. Throws M_NOT_FOUND.
    public func rename(
        _ deviceID: String, userID: String, to name: String?, on loop: isolated EventLoop
    ) async throws {
        guard (name ?? "").utf8.count <= Self.nameBytesMax else {
            throw MatrixError(
                400, "M_TOO_LARGE", "Device names are at most \(Self.nameBytesMax) bytes long")
        }
        let isKnown = try await lists.change(of: userID, on: loop) { connection in
            let isKnown = try await Devices.rename(
                userID: userID, deviceID: deviceID, displayName: name, in: connection, on: loop)
            return (isKnown, isKnown ? [deviceID] : [])
        }
        guard isKnown else { throw MatrixError.notFound("No such device") }
    }

    /// Ends devices: their tokens, keys and waiting messages go with them. Unknown ones are passed over.
    public func remove(
        _ deviceIDs: [String], userID: String, on loop: isolated EventLoop
    ) async throws {
        guard !deviceIDs.isEmpty else { return }
        let ended = try await lists.change(of: userID, on: loop) { connection in
            let ended = try await DeviceRemoval.remove(
                userID: userID, deviceIDs: deviceIDs, in: connection, on: loop)
            return (ended, deviceIDs)
        }
        try await forget(ended, on: loop)
        try await pushers?.remove(of: userID, on: loop) {
            $0.deviceID.map(deviceIDs.contains) ?? false
        }
    }

    /// Ends all devices and tokens of a user, except those of a request that goes on.
    func removeAll(
        userID: String, exceptDevice deviceID: String? = nil, exceptToken token: String? = nil,
        on loop: isolated EventLoop
    ) async throws {
        let all = try await Devices.all(userID: userID, in: pool, on: loop)
        try await remove(
            all.map(\.deviceID).filter { $0 != deviceID }, userID: userID, on: loop)
        let rest = try await AccessTokens.remove(
            userID: userID, except: token, in: pool, on: loop)
        try await forget(rest, on: loop)
        try await pushers?.remove(of: userID, on: loop) {
            deviceID == nil || $0.deviceID != deviceID
        }
    }

    /// Makes this process and all others forget tokens that have ended.
    func forget(_ ended: [String], on loop: isolated EventLoop) async throws {
        tokens.invalidate(ended, on: loop)
        try await caches.invalidateEach(TokenCache.name, keyLists: ended.map { [$0] }, on: loop)
    }
}

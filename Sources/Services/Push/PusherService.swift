public import JSON
import Postgres
public import Reactor
import ReplicationWire
public import Storage

/// Where users want to be notified. On the main process's loop; the notifying itself is a pusher worker's work, which
/// reads the tables and follows the stream.
public final class PusherService {
    private let pool: PostgresPool
    private let events: StreamIDGenerator
    private let clock: WallClock
    private let announcements: OrderedAnnouncements

    init(
        pool: PostgresPool, ids: StreamIDGenerators, publisher: any StreamPublisher,
        clock: WallClock
    ) {
        self.pool = pool
        self.clock = clock
        events = ids.events
        announcements = OrderedAnnouncements(ids: ids.pushers, publisher: publisher)
    }

    /// How many pushers a user may have.
    static let pushersMax = 100

    /// A user's pushers.
    public func pushers(
        of userID: String, on loop: isolated EventLoop
    ) async throws -> [Pushers.Pusher] {
        try await Pushers.all(of: userID, in: pool, on: loop)
    }

    /// Sets a pusher as a client asks for it, or deletes it if the kind is null. Unless the client wants it
    /// beside others, those of other users for the same application in the same place go.
    public func set(
        _ body: JSON, owner: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws {
        let request = PusherRequest(body)
        let key = try request.key(of: owner.userID)
        guard let kind = body["kind"] else { throw MatrixError.missingParameter("kind") }
        if kind.isNull { return try await remove([key], on: loop) }
        let pusher = try request.pusher(key, owner: owner)
        if pusher.kind == "email" { try await requireAddress(key, on: loop) }
        let all = try await pushers(of: owner.userID, on: loop)
        guard all.count < Self.pushersMax || all.contains(where: { $0.key == key }) else {
            throw MatrixError(400, "M_UNKNOWN", "There are too many pushers")
        }
        if try !request.isBesideOthers {
            try await remove(Pushers.othersLike(key, in: pool, on: loop), on: loop)
        }
        let (position, now) = (events.position, clock.now)
        try await announcements.store(from: pool, on: loop) { streamID in
            try await Pushers.set(
                pusher, streamID: streamID, eventPosition: position, now: now, in: pool, on: loop)
            return ((), .pushers, [Self.row(key, isDeleted: false)])
        }
    }

    /// Deletes a pusher, as its gateway asked for.
    public func remove(
        appID: String, pushKey: String, userID: String, on loop: isolated EventLoop
    ) async throws {
        try await remove(
            [Pushers.Key(appID: appID, pushKey: pushKey, userID: userID)], on: loop)
    }

    /// Deletes the pushers of a user that fit.
    func remove(
        of userID: String, on loop: isolated EventLoop, where isMeant: (Pushers.Pusher) -> Bool
    ) async throws {
        try await remove(pushers(of: userID, on: loop).filter(isMeant).map(\.key), on: loop)
    }

    private func remove(_ keys: [Pushers.Key], on loop: isolated EventLoop) async throws {
        try await announcements.storeEach(
            keys, from: pool, on: .pushers, loop: loop,
            row: { Self.row($0, isDeleted: true) },
            { numbered in
                try await Pushers.delete(
                    numbered.map { (streamID: $0.id, key: $0.element) }, in: pool, on: loop)
            })
    }

    private static func row(_ key: Pushers.Key, isDeleted: Bool) -> ReplicationRow {
        .pusher(
            PushersStreamRow(
                userID: key.userID, appID: key.appID, pushKey: key.pushKey, isDeleted: isDeleted))
    }

    /// Throws M_INVALID_PARAM unless mail would go to an address that the user proved to have.
    private func requireAddress(_ key: Pushers.Key, on loop: isolated EventLoop) async throws {
        let addresses = try await UserThreePIDs.all(userID: key.userID, in: pool, on: loop)
        guard addresses.contains(where: { $0.medium == "email" && $0.address == key.pushKey })
        else { throw MatrixError.invalidParameter("The account has no such address") }
    }
}

/// What a client says about a pusher.
private struct PusherRequest {
    private let body: JSON

    init(_ body: JSON) { self.body = body }

    func key(of userID: String) throws(MatrixError) -> Pushers.Key {
        let appID = try text("app_id", bytesMax: 64)
        let pushKey = try text("pushkey", bytesMax: 512)
        // Workers name pushers on lines.
        guard !pushKey.isEmpty, !appID.isEmpty, !appID.contains(" "),
            !(appID + pushKey).contains(where: \.isNewline)
        else { throw .invalidParameter("app_id and pushkey must be names on one line") }
        return Pushers.Key(appID: appID, pushKey: pushKey, userID: userID)
    }

    var isBesideOthers: Bool {
        get throws(MatrixError) {
            guard let value = body["append"], !value.isNull else { return false }
            guard let flag = value.boolValue else {
                throw .badJSON("append must be a boolean")
            }
            return flag
        }
    }

    func pusher(
        _ key: Pushers.Key, owner: AccessTokens.Owner
    ) throws(MatrixError) -> Pushers.Pusher {
        let kind = try text("kind", bytesMax: 64)
        guard let data = body["data"] else { throw .missingParameter("data") }
        guard data.objectValue != nil else { throw .badJSON("data must be an object") }
        switch kind {
        case "http": try Self.checkGateway(data)
        case "email":
            guard key.appID == "m.email" else {
                throw .invalidParameter("The app_id of e-mail pushers is m.email")
            }
        default: throw .invalidParameter("There is no such kind of pushers")
        }
        let tag = body["profile_tag"]
        guard tag == nil || tag?.stringValue != nil else {
            throw .badJSON("profile_tag must be a string")
        }
        return Pushers.Pusher(
            key: key, kind: kind, appName: try text("app_display_name", bytesMax: 1_024),
            deviceName: try text("device_display_name", bytesMax: 1_024),
            profileTag: tag?.stringValue ?? "", language: try text("lang", bytesMax: 64),
            data: String(decoding: data.bytes, as: UTF8.self), deviceID: owner.deviceID,
            tokenID: owner.tokenID)
    }

    private func text(_ name: String, bytesMax: Int) throws(MatrixError) -> String {
        guard let value = body[name] else { throw .missingParameter(name) }
        guard let text = value.stringValue else { throw .badJSON("\(name) must be a string") }
        guard text.utf8.count <= bytesMax else {
            throw .invalidParameter("\(name) must be at most \(bytesMax) bytes long")
        }
        return text
    }

    private static let path = "/_matrix/push/v1/notify"

    /// Specification: push gateway, `POST /_matrix/push/v1/notify`: the path is always the same.
    private static func checkGateway(_ data: JSON) throws(MatrixError) {
        guard let value = data["url"] else { throw .missingParameter("data.url") }
        guard let url = value.stringValue else { throw .badJSON("data.url must be a string") }
        let rest = ["https://", "http://"].first { url.hasPrefix($0) }
            .map { url.dropFirst($0.count) }
        guard url.utf8.count <= 2_048, let rest, let slash = rest.firstIndex(of: "/"),
            slash > rest.startIndex, rest[slash...] == path,
            rest[..<slash].utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw .invalidParameter("data.url must be an http(s) address whose path is \(path)")
        }
    }
}

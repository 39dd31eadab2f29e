public import JSON
import Postgres
public import Reactor
import ReplicationWire
import Storage

/// What clients store for themselves, and their tags on rooms.
public final class AccountDataService {
    private let pool: PostgresPool
    private let announcements: OrderedAnnouncements
    /// Is told when somebody ignores other users than before.
    var ignoranceChanged: (() -> Void)?

    init(pool: PostgresPool, ids: StreamIDGenerator, publisher: any StreamPublisher) {
        self.pool = pool
        announcements = OrderedAnnouncements(ids: ids, publisher: publisher)
    }

    /// Types that have endpoints of their own.
    private static let reserved: Set<String> = ["m.fully_read", "m.push_rules"]

    /// Stores what a client put. Refuses the types that the server keeps.
    public func put(
        _ content: JSON, type: String, userID: String, roomID: String?, on loop: isolated EventLoop
    ) async throws {
        if Self.reserved.contains(type) {
            throw MatrixError(405, "M_BAD_JSON", "Cannot set \(type) through this API")
        }
        guard content.objectValue != nil else {
            throw MatrixError.badJSON("Account data must be a JSON object")
        }
        try await store(content, type: type, userID: userID, roomID: roomID, on: loop)
    }

    /// Stores account data of any type.
    func store(
        _ content: JSON, type: String, userID: String, roomID: String?, on loop: isolated EventLoop
    ) async throws {
        let text = String(decoding: content.bytes, as: UTF8.self)
        let ignored = roomID == nil && type == "m.ignored_user_list"
        // Nobody can ignore themselves: their own messages would never be told them again.
        let ignoredUsers = content["ignored_users"]?.objectValue?.keys.filter { $0 != userID } ?? []
        try await announcements.store(from: pool, on: loop) { streamID in
            try await pool.transaction(on: loop) { connection in
                try await AccountData.store(
                    userID: userID, roomID: roomID, type: type, content: text,
                    streamID: streamID, in: connection, on: loop)
                if ignored {
                    try await IgnoredUsers.replace(
                        userID: userID, ignored: ignoredUsers, in: connection, on: loop)
                }
            }
            if ignored { ignoranceChanged?() }
            let row = AccountDataStreamRow(
                userID: userID, roomID: roomID, type: type, data: text)
            return ((), .accountData, [.accountData(row)])
        }
    }

    /// What a client stored. Throws M_NOT_FOUND.
    public func content(
        type: String, userID: String, roomID: String?, on loop: isolated EventLoop
    ) async throws -> [UInt8] {
        let text = try await AccountData.content(
            userID: userID, roomID: roomID, type: type, in: pool, on: loop)
        guard let text else { throw MatrixError.notFound("Account data not found") }
        return Array(text.utf8)
    }

    /// Sets a tag on a room, or removes it when `content` is nil.
    public func setTag(
        _ tag: String, content: JSON?, userID: String, roomID: String, on loop: isolated EventLoop
    ) async throws {
        let text = content.map { String(decoding: $0.bytes, as: UTF8.self) }
        try await announcements.store(from: pool, on: loop) { streamID in
            let tags = try await pool.transaction(on: loop) { connection in
                try await RoomTags.set(
                    tag, content: text, userID: userID, roomID: roomID, streamID: streamID,
                    in: connection, on: loop)
                return try await RoomTags.tags(
                    userID: userID, roomID: roomID, in: connection, on: loop)
            }
            let content = String(decoding: Self.object(of: tags), as: UTF8.self)
            let row = TagAccountDataStreamRow(userID: userID, roomID: roomID, data: content)
            return ((), .tagAccountData, [.tagAccountData(row)])
        }
    }

    /// A user's tags on a room, as the content of an `m.tag` event.
    public func tags(
        userID: String, roomID: String, on loop: isolated EventLoop
    ) async throws -> [UInt8] {
        let tags = try await RoomTags.tags(userID: userID, roomID: roomID, in: pool, on: loop)
        return Array("{\"tags\":".utf8) + Self.object(of: tags) + Array("}".utf8)
    }

    /// `{"m.favourite":{…},…}`, which is also what replication says.
    private static func object(of tags: [(tag: String, content: String)]) -> [UInt8] {
        var bytes = Array("{".utf8)
        for (index, tag) in tags.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.appendJSONString(tag.tag)
            bytes.append(UInt8(ascii: ":"))
            bytes.append(contentsOf: tag.content.utf8)
        }
        bytes.append(contentsOf: "}".utf8)
        return bytes
    }
}

import JSON
import Matrix
public import Reactor
import Storage

extension RoomService {
    /// The room that an alias leads to. Throws M_NOT_FOUND.
    public func roomID(
        ofAlias alias: String, on loop: isolated EventLoop
    ) async throws -> String {
        guard RoomAlias(alias) != nil else {
            throw MatrixError.invalidParameter("\(alias) is not a room alias")
        }
        let roomID = try await RoomAliases.roomID(of: alias, in: pool, on: loop)
        guard let roomID else { throw MatrixError.notFound("Room alias \(alias) not found") }
        return roomID
    }

    /// Gives a room an alias of this server. Members may.
    public func addAlias(
        _ alias: String, to roomID: String, userID: String, on loop: isolated EventLoop
    ) async throws {
        try checkOwnAlias(alias)
        _ = try await joinedRoom(roomID, userID: userID, on: loop)
        let isNew = try await RoomAliases.add(
            alias: alias, roomID: roomID, creator: userID, server: settings.serverName,
            in: pool, on: loop)
        guard isNew else {
            throw MatrixError(409, "M_UNKNOWN", "Room alias \(alias) already exists")
        }
    }

    /// Takes an alias away. Its creator may, and those with power in the room.
    public func removeAlias(
        _ alias: String, userID: String, on loop: isolated EventLoop
    ) async throws {
        let roomID = try await roomID(ofAlias: alias, on: loop)
        let creator = try await RoomAliases.creator(of: alias, in: pool, on: loop)
        if creator != userID {
            let room = try await joinedRoom(roomID, userID: userID, on: loop)
            try await requirePower(
                .state(EventType.canonicalAlias), of: userID, in: room, on: loop)
        }
        _ = try await RoomAliases.remove(alias: alias, in: pool, on: loop)
    }

    func checkOwnAlias(_ alias: String) throws(MatrixError) {
        guard let parsed = RoomAlias(alias) else {
            throw .invalidParameter("\(alias) is not a room alias")
        }
        guard parsed.server.text == settings.serverName else {
            throw .invalidParameter("\(alias) is not an alias of this server")
        }
    }

    /// A room's main alias must lead to it.
    func checkCanonicalAlias(
        _ content: JSON.Object, roomID: String, on loop: isolated EventLoop
    ) async throws {
        var aliases = content["alt_aliases"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if let alias = content["alias"]?.stringValue { aliases.append(alias) }
        for alias in aliases {
            guard RoomAlias(alias) != nil else {
                throw MatrixError.invalidParameter("\(alias) is not a room alias")
            }
            let found = try await RoomAliases.roomID(of: alias, in: pool, on: loop)
            guard found == roomID else {
                throw MatrixError(
                    400, "M_BAD_ALIAS", "Room alias \(alias) does not point to the room")
            }
        }
    }
}

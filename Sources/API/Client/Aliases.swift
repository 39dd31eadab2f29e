import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/directory/room/{roomAlias}`
    static let getAlias = ClientEndpoint(.get, "/directory/room/{roomAlias}") {
        request, context, loop in
        let roomID = try await context.services.rooms.roomID(
            ofAlias: request.path("roomAlias"), on: loop)
        return .json([
            "room_id": .string(roomID), "servers": [.string(context.serverName)],
        ])
    }

    /// `PUT /_matrix/client/{r0|v3}/directory/room/{roomAlias}`
    static let putAlias = ClientEndpoint(.put, "/directory/room/{roomAlias}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        guard let roomID = try request.body()["room_id"]?.stringValue else {
            throw MatrixError.missingParameter("room_id")
        }
        try await context.services.rooms.addAlias(
            request.path("roomAlias"), to: roomID, userID: requester.userID, on: loop)
        return .emptyObject
    }

    /// `DELETE /_matrix/client/{r0|v3}/directory/room/{roomAlias}`
    static let deleteAlias = ClientEndpoint(.delete, "/directory/room/{roomAlias}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.rooms.removeAlias(
            request.path("roomAlias"), userID: requester.userID, on: loop)
        return .emptyObject
    }

    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/aliases`
    static let roomAliases = ClientEndpoint(.get, "/rooms/{roomId}/aliases") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let aliases = try await context.services.rooms.aliases(
            of: request.path("roomId"), for: requester.userID, on: loop)
        return .json(["aliases": .array(aliases.map { .string($0) })])
    }
}

import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/join`
    static let joinRoom = ClientEndpoint(.post, "/rooms/{roomId}/join") {
        request, context, loop in
        try await join(request.path("roomId"), request, context, loop)
    }

    /// `POST /_matrix/client/{r0|v3}/join/{roomIdOrAlias}`
    static let joinByIDOrAlias = ClientEndpoint(.post, "/join/{roomIdOrAlias}") {
        request, context, loop in
        try await join(request.path("roomIdOrAlias"), request, context, loop)
    }

    private static func join(
        _ room: String, _ request: ClientRequest, _ context: ClientContext,
        _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        let requester = try await context.requester(of: request, on: loop)
        try context.services.limits.join(room, requester.subject)
        let body = try request.body(mayBeEmpty: true)
        let roomID = try await context.services.rooms.join(
            room, reason: body["reason"]?.stringValue, sender: requester.sender(), on: loop)
        return .json(["room_id": .string(roomID)])
    }
}

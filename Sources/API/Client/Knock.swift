import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/knock/{roomIdOrAlias}`
    static let knock = ClientEndpoint(.post, "/knock/{roomIdOrAlias}") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let room = request.path("roomIdOrAlias")
        try context.services.limits.join(room, requester.subject)
        let body = try request.body(mayBeEmpty: true)
        let roomID = try await context.services.rooms.knock(
            room, reason: body["reason"]?.stringValue, sender: requester.sender(), on: loop)
        return .json(["room_id": .string(roomID)])
    }
}

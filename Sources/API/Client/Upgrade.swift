import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/upgrade`
    static let upgradeRoom = ClientEndpoint(.post, "/rooms/{roomId}/upgrade") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try context.services.limits.createRoom(requester.subject)
        let replacement = try await context.services.rooms.upgrade(
            request.path("roomId"), try request.body(), sender: requester.sender(), on: loop)
        return .json(["replacement_room": .string(replacement)])
    }
}

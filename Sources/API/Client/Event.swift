import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/event/{eventId}`
    static let event = ClientEndpoint(.get, "/rooms/{roomId}/event/{eventId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let event = try await context.services.rooms.event(
            request.path("eventId"), in: request.path("roomId"), for: requester.owner, on: loop)
        return .json(event)
    }
}

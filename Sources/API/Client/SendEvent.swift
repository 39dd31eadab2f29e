import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `PUT /_matrix/client/{r0|v3}/rooms/{roomId}/send/{eventType}/{txnId}`
    static let sendEvent = ClientEndpoint(.put, "/rooms/{roomId}/send/{eventType}/{txnId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try context.services.limits.send(requester.subject)
        let eventID = try await context.services.rooms.send(
            type: request.path("eventType"), stateKey: nil, content: try request.body(),
            to: request.path("roomId"),
            sender: requester.sender(transaction: request.path("txnId")), on: loop)
        context.services.presence.isActive(requester.userID, on: loop)
        return .json(["event_id": .string(eventID)])
    }
}

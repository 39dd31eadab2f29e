import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `PUT /_matrix/client/{r0|v3}/rooms/{roomId}/redact/{eventId}/{txnId}`
    static let redact = ClientEndpoint(.put, "/rooms/{roomId}/redact/{eventId}/{txnId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try context.services.limits.redact(requester.subject)
        let eventID = try await context.services.rooms.redact(
            request.path("eventId"), in: request.path("roomId"),
            content: try request.body(mayBeEmpty: true),
            sender: requester.sender(transaction: request.path("txnId")), on: loop)
        return .json(["event_id": .string(eventID)])
    }
}

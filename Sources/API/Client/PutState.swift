import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services

extension ClientEndpoint {
    /// `PUT /_matrix/client/{r0|v3}/rooms/{roomId}/state/{eventType}/{stateKey}`
    static let putState = ClientEndpoint(.put, "/rooms/{roomId}/state/{eventType}/{stateKey}") {
        request, context, loop in
        try await put(request.path("stateKey"), request, context, loop)
    }

    /// The same for the empty state key: `PUT …/state/{eventType}`
    static let putStateEmptyKey = ClientEndpoint(.put, "/rooms/{roomId}/state/{eventType}") {
        request, context, loop in
        try await put("", request, context, loop)
    }

    /// The same with a slash at the end: `PUT …/state/{eventType}/`
    static let putStateTrailingSlash = ClientEndpoint(
        .put, "/rooms/{roomId}/state/{eventType}/"
    ) { request, context, loop in
        try await put("", request, context, loop)
    }

    private static func put(
        _ stateKey: String, _ request: ClientRequest, _ context: ClientContext,
        _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        let requester = try await context.requester(of: request, on: loop)
        try context.services.limits.send(requester.subject)
        let eventID = try await context.services.rooms.send(
            type: request.path("eventType"), stateKey: stateKey, content: try request.body(),
            to: request.path("roomId"), sender: requester.sender(), on: loop)
        return .json(["event_id": .string(eventID)])
    }
}

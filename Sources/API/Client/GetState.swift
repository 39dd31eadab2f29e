import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/state/{eventType}/{stateKey}`
    static let getState = ClientEndpoint(.get, "/rooms/{roomId}/state/{eventType}/{stateKey}") {
        request, context, loop in
        try await get(request.path("stateKey"), request, context, loop)
    }

    /// The same for the empty state key: `GET …/state/{eventType}`
    static let getStateEmptyKey = ClientEndpoint(.get, "/rooms/{roomId}/state/{eventType}") {
        request, context, loop in
        try await get("", request, context, loop)
    }

    /// The same with a slash at the end: `GET …/state/{eventType}/`
    static let getStateTrailingSlash = ClientEndpoint(
        .get, "/rooms/{roomId}/state/{eventType}/"
    ) { request, context, loop in
        try await get("", request, context, loop)
    }

    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/state`
    static let getAllState = ClientEndpoint(.get, "/rooms/{roomId}/state") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let events = try await context.services.rooms.state(
            of: request.path("roomId"), for: requester.owner, on: loop)
        var bytes: [UInt8] = []
        bytes.append(list: events)
        return .json(bytes)
    }

    private static func get(
        _ stateKey: String, _ request: ClientRequest, _ context: ClientContext,
        _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        let requester = try await context.requester(of: request, on: loop)
        let event = try await context.services.rooms.stateEvent(
            type: request.path("eventType"), stateKey: stateKey, of: request.path("roomId"),
            for: requester.owner, on: loop)
        if request.query("format") == "event" { return .json(event) }
        return .json(try JSON(parsing: event)["content"] ?? [:])
    }
}

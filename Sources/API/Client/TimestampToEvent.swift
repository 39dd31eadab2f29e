import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event`
    static let timestampToEvent = ClientEndpoint(
        .get, "/rooms/{roomId}/timestamp_to_event", .own
    ) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        guard let time = try request.integer("ts") else {
            throw MatrixError.missingParameter("ts")
        }
        guard let isBackwards = try request.isBackwards() else {
            throw MatrixError.missingParameter("dir")
        }
        let (eventID, timestamp) = try await context.services.rooms.event(
            nearest: time, in: request.path("roomId"), isBackwards: isBackwards,
            for: requester.owner, on: loop)
        return .json([
            "event_id": .string(eventID), "origin_server_ts": .integer(timestamp),
        ])
    }
}

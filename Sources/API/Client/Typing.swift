import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services

extension ClientEndpoint {
    /// `PUT /_matrix/client/{r0|v3}/rooms/{roomId}/typing/{userId}`
    static let typing = ClientEndpoint(.put, "/rooms/{roomId}/typing/{userId}") {
        request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let body = try request.body()
        let roomID = request.path("roomId")
        guard let isTyping = body["typing"]?.boolValue else {
            throw MatrixError.badJSON("typing must be a boolean")
        }
        try await context.services.rooms.requireJoined(
            requester.userID, in: roomID, on: loop)
        context.services.presence.isActive(requester.userID, on: loop)
        if isTyping {
            let timeout = max(0, body["timeout"]?.intValue ?? 30_000)
            context.services.typing.start(
                userID: requester.userID, roomID: roomID,
                timeout: .milliseconds(min(timeout, 3_600_000)), on: loop)
        } else {
            context.services.typing.stop(userID: requester.userID, roomID: roomID, on: loop)
        }
        return .emptyObject
    }
}

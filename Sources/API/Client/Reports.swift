import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/v3/rooms/{roomId}/report`
    static let reportRoom = ClientEndpoint(.post, "/rooms/{roomId}/report") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try context.services.limits.send(requester.subject)
        try await context.services.rooms.report(
            room: request.path("roomId"), try request.body(), by: requester.owner, on: loop)
        return .emptyObject
    }

    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/report/{eventId}`
    static let reportEvent = ClientEndpoint(.post, "/rooms/{roomId}/report/{eventId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try context.services.limits.send(requester.subject)
        try await context.services.rooms.report(
            event: request.path("eventId"), in: request.path("roomId"), try request.body(),
            by: requester.owner, on: loop)
        return .emptyObject
    }

    /// `POST /_matrix/client/v3/users/{userId}/report`
    static let reportUser = ClientEndpoint(.post, "/users/{userId}/report") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try context.services.limits.send(requester.subject)
        try await context.services.rooms.report(
            user: request.path("userId"), try request.body(), by: requester.owner, on: loop)
        return .emptyObject
    }
}

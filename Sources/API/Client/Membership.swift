import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/invite`
    static let invite = ClientEndpoint(.post, "/rooms/{roomId}/invite") { request, context, loop in
        try await change(.invite, request, context, loop)
    }

    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/kick`
    static let kick = ClientEndpoint(.post, "/rooms/{roomId}/kick") { request, context, loop in
        try await change(.kick, request, context, loop)
    }

    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/ban`
    static let ban = ClientEndpoint(.post, "/rooms/{roomId}/ban") { request, context, loop in
        try await change(.ban, request, context, loop)
    }

    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/unban`
    static let unban = ClientEndpoint(.post, "/rooms/{roomId}/unban") { request, context, loop in
        try await change(.unban, request, context, loop)
    }

    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/leave`
    static let leave = ClientEndpoint(.post, "/rooms/{roomId}/leave") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let body = try request.body(mayBeEmpty: true)
        try await context.services.rooms.leave(
            request.path("roomId"), reason: body["reason"]?.stringValue,
            sender: requester.sender(), on: loop)
        return .emptyObject
    }

    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/forget`
    static let forget = ClientEndpoint(.post, "/rooms/{roomId}/forget") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.rooms.forget(
            request.path("roomId"), userID: requester.userID, on: loop)
        return .emptyObject
    }

    private static func change(
        _ action: MembershipAction, _ request: ClientRequest, _ context: ClientContext,
        _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        let requester = try await context.requester(of: request, on: loop)
        let body = try request.body()
        guard let target = body["user_id"]?.stringValue else {
            throw MatrixError.missingParameter("user_id")
        }
        if action == .invite {
            try context.services.limits.invite(
                target, to: request.path("roomId"), requester.subject)
        }
        try await context.services.rooms.change(
            action, of: target, in: request.path("roomId"),
            reason: body["reason"]?.stringValue, sender: requester.sender(), on: loop)
        return .emptyObject
    }
}

import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/user/{userId}/rooms/{roomId}/tags`
    static let getTags = ClientEndpoint(.get, "/user/{userId}/rooms/{roomId}/tags", .second) {
        request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let content = try await context.services.accountData.tags(
            userID: requester.userID, roomID: request.path("roomId"), on: loop)
        return .json(content)
    }

    /// `PUT /_matrix/client/{r0|v3}/user/{userId}/rooms/{roomId}/tags/{tag}`
    static let putTag = ClientEndpoint(
        .put, "/user/{userId}/rooms/{roomId}/tags/{tag}", .second
    ) { request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        try await context.services.accountData.setTag(
            request.path("tag"), content: try request.body(mayBeEmpty: true),
            userID: requester.userID, roomID: try request.roomID(), on: loop)
        return .emptyObject
    }

    /// `DELETE /_matrix/client/{r0|v3}/user/{userId}/rooms/{roomId}/tags/{tag}`
    static let deleteTag = ClientEndpoint(
        .delete, "/user/{userId}/rooms/{roomId}/tags/{tag}", .second
    ) { request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        try await context.services.accountData.setTag(
            request.path("tag"), content: nil, userID: requester.userID,
            roomID: try request.roomID(), on: loop)
        return .emptyObject
    }
}

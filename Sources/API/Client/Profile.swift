import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services
import Storage

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/profile/{userId}`
    static let getProfile = ClientEndpoint(.get, "/profile/{userId}") { request, context, loop in
        .json(try await context.services.profiles.fields(of: request.path("userId"), on: loop))
    }

    /// `GET /_matrix/client/{r0|v3}/profile/{userId}/displayname`
    static let getDisplayName = ClientEndpoint(.get, "/profile/{userId}/displayname") {
        request, context, loop in
        try await get("displayname", request, context, loop)
    }

    /// `GET /_matrix/client/{r0|v3}/profile/{userId}/avatar_url`
    static let getAvatar = ClientEndpoint(.get, "/profile/{userId}/avatar_url") {
        request, context, loop in
        try await get("avatar_url", request, context, loop)
    }

    /// `GET /_matrix/client/{r0|v3}/profile/{userId}/{keyName}`
    static let getProfileField = ClientEndpoint(.get, "/profile/{userId}/{keyName}", .second) {
        request, context, loop in
        let name = request.path("keyName")
        let fields = try await context.services.profiles.fields(
            of: request.path("userId"), on: loop)
        guard let value = fields[name] else {
            throw MatrixError.notFound("The profile has no such field")
        }
        return .json([name: value])
    }

    /// `PUT /_matrix/client/{r0|v3}/profile/{userId}/displayname`
    static let putDisplayName = ClientEndpoint(.put, "/profile/{userId}/displayname") {
        request, context, loop in
        let name = try text("displayname", of: request.body(), bytesMax: 256)
        return try await change(request, context, loop) { $0.displayName = name }
    }

    /// `PUT /_matrix/client/{r0|v3}/profile/{userId}/avatar_url`
    static let putAvatar = ClientEndpoint(.put, "/profile/{userId}/avatar_url") {
        request, context, loop in
        let address = try text("avatar_url", of: request.body(), bytesMax: 1000)
        return try await change(request, context, loop) { $0.avatarURL = address }
    }

    /// `PUT /_matrix/client/{r0|v3}/profile/{userId}/{keyName}`
    static let putProfileField = ClientEndpoint(.put, "/profile/{userId}/{keyName}", .second) {
        request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let name = request.path("keyName")
        guard let value = try request.body()[name] else {
            throw MatrixError.missingParameter(name)
        }
        try await context.services.profiles.setField(
            name, to: value, userID: requester.userID, on: loop)
        return .emptyObject
    }

    /// `DELETE /_matrix/client/{r0|v3}/profile/{userId}/displayname`
    static let deleteDisplayName = ClientEndpoint(
        .delete, "/profile/{userId}/displayname", .second
    ) { request, context, loop in
        try await change(request, context, loop) { $0.displayName = nil }
    }

    /// `DELETE /_matrix/client/{r0|v3}/profile/{userId}/avatar_url`
    static let deleteAvatar = ClientEndpoint(
        .delete, "/profile/{userId}/avatar_url", .second
    ) { request, context, loop in
        try await change(request, context, loop) { $0.avatarURL = nil }
    }

    /// `DELETE /_matrix/client/{r0|v3}/profile/{userId}/{keyName}`
    static let deleteProfileField = ClientEndpoint(
        .delete, "/profile/{userId}/{keyName}", .second
    ) { request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        try await context.services.profiles.removeField(
            request.path("keyName"), userID: requester.userID, on: loop)
        return .emptyObject
    }

    /// One of the two fields that every profile may have; a missing one is no error.
    private static func get(
        _ name: String, _ request: ClientRequest, _ context: ClientContext,
        _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        let profile = try await context.services.profiles.profile(
            of: request.path("userId"), on: loop)
        let value = name == "displayname" ? profile.displayName : profile.avatarURL
        var body = JSON([:])
        body[name] = value.map { .string($0) }
        return .json(body)
    }

    private static func change(
        _ request: ClientRequest, _ context: ClientContext, _ loop: isolated EventLoop,
        _ body: (inout Profiles.Profile) -> Void
    ) async throws -> HTTPResponse {
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        try await context.services.profiles.change(sender: requester.sender(), on: loop, body)
        return .emptyObject
    }

    /// A member that is text or missing; empty text takes the field away.
    private static func text(
        _ key: String, of body: JSON, bytesMax: Int
    ) throws(MatrixError) -> String? {
        guard let value = body[key], !value.isNull else { return nil }
        guard let text = value.stringValue else { throw .badJSON("\(key) must be a string") }
        guard text.utf8.count <= bytesMax else {
            throw .invalidParameter("\(key) is longer than \(bytesMax) bytes")
        }
        return text.isEmpty ? nil : text
    }
}

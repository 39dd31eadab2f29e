import HTTPServer
import HTTPWire
import JSON
import Services
import Storage

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/profile/{userId}`
    static let getProfile = ClientEndpoint(.get, "/profile/{userId}") { request, context, loop in
        let profile = try await context.services.profiles.profile(
            of: request.path("userId"), on: loop)
        var body = JSON([:])
        body["displayname"] = profile.displayName.map { .string($0) }
        body["avatar_url"] = profile.avatarURL.map { .string($0) }
        return .json(body)
    }

    /// `GET /_matrix/client/{r0|v3}/profile/{userId}/displayname`
    static let getDisplayName = ClientEndpoint(.get, "/profile/{userId}/displayname") {
        request, context, loop in
        let profile = try await context.services.profiles.profile(
            of: request.path("userId"), on: loop)
        var body = JSON([:])
        body["displayname"] = profile.displayName.map { .string($0) }
        return .json(body)
    }

    /// `GET /_matrix/client/{r0|v3}/profile/{userId}/avatar_url`
    static let getAvatar = ClientEndpoint(.get, "/profile/{userId}/avatar_url") {
        request, context, loop in
        let profile = try await context.services.profiles.profile(
            of: request.path("userId"), on: loop)
        var body = JSON([:])
        body["avatar_url"] = profile.avatarURL.map { .string($0) }
        return .json(body)
    }

    /// `PUT /_matrix/client/{r0|v3}/profile/{userId}/displayname`
    static let putDisplayName = ClientEndpoint(.put, "/profile/{userId}/displayname") {
        request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let name = try text("displayname", of: request.body(), bytesMax: 256)
        try await context.services.profiles.change(sender: requester.sender(), on: loop) {
            $0.displayName = name
        }
        return .emptyObject
    }

    /// `PUT /_matrix/client/{r0|v3}/profile/{userId}/avatar_url`
    static let putAvatar = ClientEndpoint(.put, "/profile/{userId}/avatar_url") {
        request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let address = try text("avatar_url", of: request.body(), bytesMax: 1000)
        try await context.services.profiles.change(sender: requester.sender(), on: loop) {
            $0.avatarURL = address
        }
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

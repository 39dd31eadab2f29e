import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/keys/upload`
    static let uploadKeys = ClientEndpoint(.post, "/keys/upload", .second) {
        request, context, loop in
        try await upload(nil, request, context, loop)
    }

    /// The same as older clients send it: `POST /_matrix/client/{r0|v3}/keys/upload/{deviceId}`
    static let uploadDeviceKeys = ClientEndpoint(.post, "/keys/upload/{deviceId}", .second) {
        request, context, loop in
        try await upload(request.path("deviceId"), request, context, loop)
    }

    /// `POST /_matrix/client/{r0|v3}/keys/query`
    static let queryKeys = ClientEndpoint(.post, "/keys/query", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let answer = try await context.services.encryption.query(
            try request.body(), by: requester.userID, on: loop)
        return .json(answer)
    }

    /// `POST /_matrix/client/{r0|v3}/keys/claim`
    static let claimKeys = ClientEndpoint(.post, "/keys/claim", .second) {
        request, context, loop in
        _ = try await context.requester(of: request, on: loop)
        let answer = try await context.services.encryption.claim(try request.body(), on: loop)
        return .json(answer)
    }

    /// `GET /_matrix/client/{r0|v3}/keys/changes`
    static let keyChanges = ClientEndpoint(.get, "/keys/changes", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        guard let from = request.query("from") else { throw MatrixError.missingParameter("from") }
        // `to` is asked for by the specification, but what matters is everything up to now.
        let changes = try await context.services.encryption.changes(
            for: requester.userID, since: try StreamToken(parsing: from),
            upTo: context.services.position, on: loop)
        return .json([
            "changed": .array(changes.changed.sorted().map { .string($0) }),
            "left": .array(changes.left.sorted().map { .string($0) }),
        ])
    }

    private static func upload(
        _ deviceID: String?, _ request: ClientRequest, _ context: ClientContext,
        _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        let requester = try await context.requester(of: request, on: loop)
        let counts = try await context.services.encryption.upload(
            try request.body(), owner: requester.owner, deviceID: deviceID, on: loop)
        return .json(["one_time_key_counts": counts])
    }
}

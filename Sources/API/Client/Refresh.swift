import HTTPServer
import HTTPWire
import JSON
import Reactor
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/refresh`
    static let refresh = ClientEndpoint(.post, "/refresh", .second) { request, context, loop in
        try await exchange(request, context, loop)
    }

    /// The same where it was first: `POST /_matrix/client/v1/refresh`
    static let refreshFirst = ClientEndpoint(.post, "/_matrix/client/v1/refresh", .whole) {
        request, context, loop in
        try await exchange(request, context, loop)
    }

    private static func exchange(
        _ request: ClientRequest, _ context: ClientContext, _ loop: isolated EventLoop
    ) async throws -> HTTPResponse {
        guard let value = try request.body()["refresh_token"] else {
            throw MatrixError.missingParameter("refresh_token")
        }
        guard let token = value.stringValue else {
            throw MatrixError.badJSON("refresh_token must be a string")
        }
        let login = try await context.services.accounts.refresh(token, on: loop)
        var body: JSON = ["access_token": .string(login.accessToken)]
        body["refresh_token"] = login.refreshToken.map { .string($0) }
        body["expires_in_ms"] = login.lifetimeMilliseconds.map { .integer($0) }
        return .json(body)
    }
}

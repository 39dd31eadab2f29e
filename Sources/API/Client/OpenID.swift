import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/user/{userId}/openid/request_token`
    static let openIDToken = ClientEndpoint(
        .post, "/user/{userId}/openid/request_token", .second
    ) { request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        _ = try request.body(mayBeEmpty: true)
        let made = try await context.services.accounts.makeOpenIDToken(
            userID: requester.userID, on: loop)
        return .json([
            "access_token": .string(made.token), "token_type": "Bearer",
            "matrix_server_name": .string(context.serverName),
            "expires_in": .integer(made.lifetimeMilliseconds / 1000),
        ])
    }
}

import Configuration
import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/login`
    static let loginFlows = ClientEndpoint(.get, "/login") { _, context, _ in
        var flows: [JSON] = [["type": "m.login.password"]]
        if context.services.settings.sessions.allowsLoginTokens {
            flows.append(["type": "m.login.token", "get_login_token": true])
        }
        return .json(["flows": .array(flows)])
    }

    /// `POST /_matrix/client/{r0|v3}/login`
    static let login = ClientEndpoint(.post, "/login") { request, context, loop in
        let login = try await context.services.accounts.logIn(
            try request.body(), address: request.address, on: loop)
        var body = context.body(of: login)
        if let address = context.services.settings.publicBaseURL {
            body["well_known"] = ["m.homeserver": ["base_url": .string(address)]]
        }
        return .json(body)
    }

    /// `POST /_matrix/client/v1/login/get_token`
    static let getLoginToken = ClientEndpoint(
        .post, "/_matrix/client/v1/login/get_token", .whole
    ) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let made = try await context.services.accounts.makeLoginToken(
            try request.interactive(mayBeEmpty: true), owner: requester.owner, on: loop)
        return .json([
            "login_token": .string(made.token),
            "expires_in_ms": .integer(made.lifetimeMilliseconds),
        ])
    }
}

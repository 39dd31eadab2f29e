import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/login`
    static let loginFlows = ClientEndpoint(.get, "/login") { _, _, _ in
        .json(["flows": [["type": "m.login.password"]]])
    }

    /// `POST /_matrix/client/{r0|v3}/login`
    static let login = ClientEndpoint(.post, "/login") { request, context, loop in
        let login = try await context.services.accounts.logIn(try request.body(), on: loop)
        return .json(context.body(of: login))
    }
}

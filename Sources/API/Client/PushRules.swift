import HTTPServer
import HTTPWire
import JSON
import Matrix
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/pushrules/`
    static let pushRules = ClientEndpoint(.get, "/pushrules/") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        return .json(["global": ruleset(of: requester)])
    }

    /// `GET /_matrix/client/{r0|v3}/pushrules/global/`
    static let globalPushRules = ClientEndpoint(.get, "/pushrules/global/") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        return .json(ruleset(of: requester))
    }

    private static func ruleset(of requester: Requester) -> JSON {
        PushRuleset.default.json(for: UserID(trusted: requester.userID))
    }
}

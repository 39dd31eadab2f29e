import HTTPServer
import HTTPWire
import JSON
import Matrix
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/pushrules/`
    static let pushRules = ClientEndpoint(.get, "/pushrules/") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let rules = try await context.services.pushRules.ruleset(of: requester.userID, on: loop)
        return .json(["global": rules.json(for: UserID(trusted: requester.userID))])
    }

    /// `GET /_matrix/client/{r0|v3}/pushrules/global/`
    static let globalPushRules = ClientEndpoint(.get, "/pushrules/global/") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let rules = try await context.services.pushRules.ruleset(of: requester.userID, on: loop)
        return .json(rules.json(for: UserID(trusted: requester.userID)))
    }

    /// `GET /_matrix/client/{r0|v3}/pushrules/global/{kind}/{ruleId}`
    static let pushRule = ClientEndpoint(.get, "/pushrules/global/{kind}/{ruleId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let rule = try await context.services.pushRules.rule(
            try request.pushRule(), of: requester.userID, on: loop)
        return .json(rule.json(for: UserID(trusted: requester.userID)))
    }

    /// `PUT /_matrix/client/{r0|v3}/pushrules/global/{kind}/{ruleId}`
    static let putPushRule = ClientEndpoint(.put, "/pushrules/global/{kind}/{ruleId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.pushRules.put(
            try request.pushRule(), try request.body(), before: request.query("before"),
            after: request.query("after"), of: requester.userID, on: loop)
        return .emptyObject
    }

    /// `DELETE /_matrix/client/{r0|v3}/pushrules/global/{kind}/{ruleId}`
    static let deletePushRule = ClientEndpoint(.delete, "/pushrules/global/{kind}/{ruleId}") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.pushRules.delete(
            try request.pushRule(), of: requester.userID, on: loop)
        return .emptyObject
    }

    /// `GET /_matrix/client/{r0|v3}/pushrules/global/{kind}/{ruleId}/actions`
    static let pushRuleActions = ClientEndpoint(
        .get, "/pushrules/global/{kind}/{ruleId}/actions"
    ) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let rule = try await context.services.pushRules.rule(
            try request.pushRule(), of: requester.userID, on: loop)
        return .json(["actions": rule.actions.json])
    }

    /// `PUT /_matrix/client/{r0|v3}/pushrules/global/{kind}/{ruleId}/actions`
    static let putPushRuleActions = ClientEndpoint(
        .put, "/pushrules/global/{kind}/{ruleId}/actions"
    ) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.pushRules.setActions(
            try request.body(), try request.pushRule(), of: requester.userID, on: loop)
        return .emptyObject
    }

    /// `GET /_matrix/client/{r0|v3}/pushrules/global/{kind}/{ruleId}/enabled`
    static let pushRuleEnabled = ClientEndpoint(
        .get, "/pushrules/global/{kind}/{ruleId}/enabled"
    ) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let rule = try await context.services.pushRules.rule(
            try request.pushRule(), of: requester.userID, on: loop)
        return .json(["enabled": .bool(rule.isEnabled)])
    }

    /// `PUT /_matrix/client/{r0|v3}/pushrules/global/{kind}/{ruleId}/enabled`
    static let putPushRuleEnabled = ClientEndpoint(
        .put, "/pushrules/global/{kind}/{ruleId}/enabled"
    ) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.pushRules.setEnabled(
            try request.body(), try request.pushRule(), of: requester.userID, on: loop)
        return .emptyObject
    }
}

extension ClientRequest {
    /// The push rule that the path names. Throws M_NOT_FOUND for kinds that there are not.
    fileprivate func pushRule() throws(MatrixError) -> PushRule.Name {
        guard let kind = PushRule.Kind(rawValue: path("kind")) else {
            throw .notFound("There is no such kind of push rules")
        }
        return PushRule.Name(kind, path("ruleId"))
    }
}

import HTTPServer
import HTTPWire
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/logout`
    static let logout = ClientEndpoint(.post, "/logout") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.accounts.logOut(
            requester.token, owner: requester.owner, on: loop)
        return .emptyObject
    }

    /// `POST /_matrix/client/{r0|v3}/logout/all`
    static let logoutAll = ClientEndpoint(.post, "/logout/all") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.accounts.logOutEverywhere(userID: requester.userID, on: loop)
        return .emptyObject
    }
}

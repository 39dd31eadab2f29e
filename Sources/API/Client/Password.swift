import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/account/password`
    static let changePassword = ClientEndpoint(.post, "/account/password", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.accounts.changePassword(
            try request.interactive(), token: requester.token, owner: requester.owner, on: loop)
        return .emptyObject
    }
}

import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/account/deactivate`
    static let deactivate = ClientEndpoint(.post, "/account/deactivate", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.accounts.deactivate(
            try request.interactive(mayBeEmpty: true), owner: requester.owner, on: loop)
        // There are no identity servers that would have to be told.
        return .json(["id_server_unbind_result": "no-support"])
    }
}

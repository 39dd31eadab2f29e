import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/keys/device_signing/upload`
    static let uploadCrossSigning = ClientEndpoint(.post, "/keys/device_signing/upload", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let interactive = try request.interactive()
        let accounts = context.services.accounts
        try await context.services.encryption.uploadCrossSigning(
            interactive.body, owner: requester.owner, on: loop
        ) {
            try await accounts.proveOwner(interactive, requester.owner, on: loop)
        }
        return .emptyObject
    }

    /// `POST /_matrix/client/{r0|v3}/keys/signatures/upload`
    static let uploadSignatures = ClientEndpoint(.post, "/keys/signatures/upload", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let failures = try await context.services.encryption.uploadSignatures(
            try request.body(), owner: requester.owner, on: loop)
        return .json(["failures": failures])
    }
}

import HTTPServer
import HTTPWire
import JSON
import Services
import Storage

/// E-mail addresses and telephone numbers, of which this server lets nobody add any.
extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/account/3pid`
    static let threePIDs = ClientEndpoint(.get, "/account/3pid") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let addresses = try await context.services.accounts.threePIDs(
            userID: requester.userID, on: loop)
        let list: [JSON] = addresses.map { address in
            [
                "medium": .string(address.medium), "address": .string(address.address),
                "validated_at": .integer(address.validatedAt),
                "added_at": .integer(address.addedAt),
            ]
        }
        return .json(["threepids": .array(list)])
    }

    /// `POST /_matrix/client/{r0|v3}/account/3pid`, deprecated
    static let postThreePID = refusing("/account/3pid")

    /// `POST /_matrix/client/{r0|v3}/account/3pid/add`
    static let addThreePID = refusing("/account/3pid/add")

    /// `POST /_matrix/client/{r0|v3}/account/3pid/bind`
    static let bindThreePID = refusing("/account/3pid/bind")

    /// `POST /_matrix/client/{r0|v3}/account/3pid/delete`
    static let deleteThreePID = forgetting("/account/3pid/delete")

    /// `POST /_matrix/client/{r0|v3}/account/3pid/unbind`
    static let unbindThreePID = forgetting("/account/3pid/unbind")

    /// `POST /_matrix/client/{r0|v3}/account/3pid/email/requestToken`
    static let threePIDEmailToken = unsupported("/account/3pid/email/requestToken")

    /// `POST /_matrix/client/{r0|v3}/account/3pid/msisdn/requestToken`
    static let threePIDPhoneToken = unsupported("/account/3pid/msisdn/requestToken")

    /// `POST /_matrix/client/{r0|v3}/register/email/requestToken`
    static let registerEmailToken = unsupported("/register/email/requestToken")

    /// `POST /_matrix/client/{r0|v3}/register/msisdn/requestToken`
    static let registerPhoneToken = unsupported("/register/msisdn/requestToken")

    /// `POST /_matrix/client/{r0|v3}/account/password/email/requestToken`
    static let passwordEmailToken = unsupported("/account/password/email/requestToken")

    /// `POST /_matrix/client/{r0|v3}/account/password/msisdn/requestToken`
    static let passwordPhoneToken = unsupported("/account/password/msisdn/requestToken")

    private static func refusing(_ path: String) -> ClientEndpoint {
        ClientEndpoint(.post, path) { request, context, loop in
            _ = try await context.requester(of: request, on: loop)
            throw MatrixError.forbidden("3PID changes are disabled on this server")
        }
    }

    /// To take away what nobody has is no mistake; no identity server knows of it.
    private static func forgetting(_ path: String) -> ClientEndpoint {
        ClientEndpoint(.post, path, .second) { request, context, loop in
            _ = try await context.requester(of: request, on: loop)
            let body = try request.body()
            for key in ["medium", "address"] where body[key]?.stringValue == nil {
                throw MatrixError.missingParameter(key)
            }
            return .json(["id_server_unbind_result": "no-support"])
        }
    }

    private static func unsupported(_ path: String) -> ClientEndpoint {
        ClientEndpoint(.post, path, .second) { request, _, _ in
            _ = try request.body()
            throw MatrixError(
                400, "M_THREEPID_MEDIUM_NOT_SUPPORTED",
                "This server sends neither mail nor text messages")
        }
    }
}

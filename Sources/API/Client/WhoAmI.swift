import HTTPServer
import HTTPWire
import JSON
import Storage

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/account/whoami`
    static let whoami = ClientEndpoint(.get, "/account/whoami", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        var body: JSON = [
            "user_id": .string(requester.userID), "is_guest": .bool(requester.owner.isGuest),
        ]
        body["device_id"] = requester.owner.deviceID.map { .string($0) }
        return .json(body)
    }
}

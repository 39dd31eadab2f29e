import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/register`
    static let register = ClientEndpoint(.post, "/register", .second) { request, context, loop in
        switch request.query("kind") ?? "user" {
        case "user": break
        case "guest": throw MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests are not allowed")
        default: throw MatrixError.invalidParameter("Unknown account kind")
        }
        let body = try request.body()
        let (userID, login) = try await context.services.accounts.register(body, on: loop)
        guard let login else {
            return .json(["user_id": .string(userID), "home_server": .string(context.serverName)])
        }
        return .json(context.body(of: login))
    }

    /// `GET /_matrix/client/{r0|v3}/register/available`
    static let registerAvailable = ClientEndpoint(.get, "/register/available", .second) {
        request, context, loop in
        guard let username = request.query("username") else {
            throw MatrixError.missingParameter("username")
        }
        try await context.services.accounts.checkAvailable(username, on: loop)
        return .json(["available": true])
    }
}

extension ClientContext {
    /// The name of this server.
    var serverName: String { services.settings.serverName }

    /// What a login answers.
    func body(of login: Accounts.Login) -> JSON {
        [
            "user_id": .string(login.userID), "access_token": .string(login.accessToken),
            "device_id": .string(login.deviceID), "home_server": .string(serverName),
        ]
    }
}

import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/register`
    static let register = ClientEndpoint(.post, "/register", .second) { request, context, loop in
        let accounts = context.services.accounts
        switch request.query("kind") ?? "user" {
        case "user": break
        case "guest":
            let login = try await accounts.registerGuest(
                try request.body(mayBeEmpty: true), address: request.address, on: loop)
            return .json(context.body(of: login))
        default: throw MatrixError.invalidParameter("Unknown account kind")
        }
        let (userID, login) = try await accounts.register(try request.interactive(), on: loop)
        return .json(context.body(of: userID, login))
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

    /// `GET /_synapse/admin/v1/register`: the first half of registration by shared secret.
    static let sharedSecretNonce = ClientEndpoint(.get, "/_synapse/admin/v1/register", .whole) {
        _, context, _ in
        .json(["nonce": .string(try context.services.accounts.makeNonce())])
    }

    /// `POST /_synapse/admin/v1/register`: the second half.
    static let sharedSecretRegister = ClientEndpoint(
        .post, "/_synapse/admin/v1/register", .whole
    ) { request, context, loop in
        let (userID, login) = try await context.services.accounts.registerBySharedSecret(
            try request.body(), on: loop)
        return .json(context.body(of: userID, login))
    }
}

extension ClientContext {
    /// The name of this server.
    var serverName: String { services.settings.serverName }

    /// What a login answers.
    func body(of login: Accounts.Login) -> JSON {
        var body: JSON = [
            "user_id": .string(login.userID), "access_token": .string(login.accessToken),
            "device_id": .string(login.deviceID), "home_server": .string(serverName),
        ]
        body["refresh_token"] = login.refreshToken.map { .string($0) }
        body["expires_in_ms"] = login.lifetimeMilliseconds.map { .integer($0) }
        return body
    }

    /// What a registration answers, which need not have logged in.
    func body(of userID: String, _ login: Accounts.Login?) -> JSON {
        login.map(body) ?? ["user_id": .string(userID), "home_server": .string(serverName)]
    }
}

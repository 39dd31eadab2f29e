import Configuration
import Crypto
import JSON
import Reactor
import Services
import Testing

@testable import API

@Suite struct SessionEndpointsTests {
    private static let v3 = "/_matrix/client/v3"

    @Test func refreshTokensRotate() throws {
        try withAPI { client, loop in
            _ = try await client.register("alice", on: loop)
            let login = try await client.request(
                "POST", Self.v3 + "/login",
                [
                    "type": "m.login.password", "user": "alice", "password": "secret",
                    "refresh_token": true,
                ], on: loop)
            #expect(login.body["expires_in_ms"] == 300_000)
            let first = try #require(login.body["refresh_token"]?.stringValue)
            #expect(first.hasPrefix("syr_YWxpY2U_"))
            let second = try await client.refresh(first, on: loop)
            #expect(second.status == 200)
            // The answer may have been lost: until the new tokens are used the exchange may be repeated.
            let third = try await client.refresh(first, on: loop)
            #expect(third.status == 200)
            let lost = try #require(second.body["access_token"]?.stringValue)
            #expect(try await client.whoami(lost, on: loop).code == "M_UNKNOWN_TOKEN")
            let token = try #require(third.body["access_token"]?.stringValue)
            #expect(try await client.whoami(token, on: loop).status == 200)
            let reused = try await client.refresh(first, on: loop)
            #expect(reused.status == 401)
            #expect(reused.code == "M_UNKNOWN_TOKEN")
            let next = try #require(third.body["refresh_token"]?.stringValue)
            #expect(try await client.refresh(next, on: loop).status == 200)
            for body in [[:], ["refresh_token": 1], ["refresh_token": "syr_x"]] as [JSON] {
                let answer = try await client.request(
                    "POST", "/_matrix/client/v1/refresh", body, on: loop)
                #expect([400, 401].contains(answer.status))
                #expect(
                    ["M_MISSING_PARAM", "M_BAD_JSON", "M_UNKNOWN_TOKEN"].contains(
                        answer.code ?? ""))
            }
        }
    }

    @Test func accessTokensExpireSoftly() throws {
        try withAPI { settings in
            settings.sessions.plainToken = .milliseconds(-1)
        } _: { client, loop in
            let token = try await client.register("alice", on: loop)
            let answer = try await client.whoami(token, on: loop)
            #expect(answer.status == 401)
            #expect(answer.code == "M_UNKNOWN_TOKEN")
            #expect(answer.body["soft_logout"] == true)
        }
    }

    @Test func aDeviceLogsAnotherIn() throws {
        try withAPI { settings in
            settings.sessions.allowsLoginTokens = true
        } _: { client, loop in
            let token = try await client.register("alice", on: loop)
            let flows = try await client.request("GET", Self.v3 + "/login", on: loop)
            #expect(
                flows.body["flows"]?[1] == ["type": "m.login.token", "get_login_token": true])
            let path = "/_matrix/client/v1/login/get_token"
            let challenge = try await client.request("POST", path, token: token, [:], on: loop)
            #expect(challenge.status == 401)
            let session = try #require(challenge.body["session"])
            let made = try await client.request(
                "POST", path, token: token,
                [
                    "auth": [
                        "type": "m.login.password", "session": session, "password": "secret",
                        "identifier": ["type": "m.id.user", "user": "alice"],
                    ]
                ], on: loop)
            #expect(made.body["expires_in_ms"] == 300_000)
            let body: JSON = [
                "type": "m.login.token", "token": try #require(made.body["login_token"]),
                "device_id": "TABLET",
            ]
            let login = try await client.request("POST", Self.v3 + "/login", body, on: loop)
            #expect(login.body["user_id"] == "@alice:test")
            #expect(login.body["device_id"] == "TABLET")
            let again = try await client.request("POST", Self.v3 + "/login", body, on: loop)
            #expect(again.status == 403)
        }
    }

    @Test func whatIsNotEnabledIsNotThere() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let cases: [(String, String, JSON?, Int, String)] = [
                ("POST", "/_matrix/client/v1/login/get_token", [:], 404, "M_UNRECOGNIZED"),
                ("GET", "/.well-known/matrix/client", nil, 404, "M_NOT_FOUND"),
                ("GET", "/_synapse/admin/v1/register", nil, 400, "M_UNKNOWN"),
                ("POST", Self.v3 + "/account/3pid/add", [:], 403, "M_FORBIDDEN"),
                ("POST", Self.v3 + "/account/3pid", [:], 403, "M_FORBIDDEN"),
                (
                    "POST", Self.v3 + "/account/3pid/email/requestToken", [:], 400,
                    "M_THREEPID_MEDIUM_NOT_SUPPORTED"
                ),
                ("POST", Self.v3 + "/login", ["type": "m.login.token"], 400, "M_UNKNOWN"),
                (
                    "POST", Self.v3 + "/login",
                    [
                        "type": "m.login.password", "password": "x",
                        "identifier": [
                            "type": "m.id.thirdparty", "medium": "email", "address": "a@b.c",
                        ],
                    ], 403, "M_FORBIDDEN"
                ),
                (
                    "POST", Self.v3 + "/user/@bob:test/openid/request_token", [:], 403,
                    "M_FORBIDDEN"
                ),
            ]
            for (method, path, body, status, code) in cases {
                let answer = try await client.request(method, path, token: token, body, on: loop)
                #expect(answer.status == status, "\(method) \(path)")
                #expect(answer.code == code, "\(method) \(path)")
            }
            let list = try await client.request(
                "GET", Self.v3 + "/account/3pid", token: token, on: loop)
            #expect(list.body == ["threepids": []])
            let openID = try await client.request(
                "POST", Self.v3 + "/user/@alice:test/openid/request_token", token: token, [:],
                on: loop)
            #expect(openID.body["expires_in"] == 3600)
            #expect(openID.body["matrix_server_name"] == "test")
            #expect(openID.body["access_token"]?.stringValue?.isEmpty == false)
        }
    }

    /// A registration that is signed with a shared secret.
    private static func signed(
        _ name: String, _ secret: String, _ client: Client, on loop: isolated EventLoop
    ) async throws -> JSON {
        let answer = try await client.request("GET", "/_synapse/admin/v1/register", on: loop)
        let nonce = try #require(answer.body["nonce"]?.stringValue)
        let text = [nonce, name, "secret", "admin"].joined(separator: "\0")
        let mac = HMAC<Insecure.SHA1>.authenticationCode(
            for: Array(text.utf8), using: SymmetricKey(data: Array(secret.utf8)))
        let digits = mac.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        return [
            "nonce": .string(nonce), "username": .string(name), "password": "secret",
            "admin": true, "mac": .string(digits.joined()),
        ]
    }

    @Test func aSharedSecretRegisters() throws {
        try withAPI { settings in
            settings.isRegistrationEnabled = false
            settings.registrationSharedSecret = "shared"
            settings.publicBaseURL = "https://matrix.test/"
        } _: { client, loop in
            let path = "/_synapse/admin/v1/register"
            let right = try await Self.signed("root", "shared", client, on: loop)
            let done = try await client.request("POST", path, right, on: loop)
            #expect(done.body["user_id"] == "@root:test")
            let used = try await client.request("POST", path, right, on: loop)
            #expect(used.status == 400)
            let wrong = try await Self.signed("root2", "guessed", client, on: loop)
            #expect(try await client.request("POST", path, wrong, on: loop).status == 403)
            let taken = try await Self.signed("root", "shared", client, on: loop)
            let answer = try await client.request("POST", path, taken, on: loop)
            #expect(answer.code == "M_USER_IN_USE")
            let closed = try await client.request(
                "POST", Self.v3 + "/register", ["username": "eve"], on: loop)
            #expect(closed.code == "M_FORBIDDEN")
            let known = try await client.request("GET", "/.well-known/matrix/client", on: loop)
            #expect(known.body["m.homeserver"]?["base_url"] == "https://matrix.test/")
        }
    }

    @Test func guestsMayDoLittle() throws {
        try withAPI { settings in
            settings.allowsGuests = true
        } _: { client, loop in
            let made = try await client.request(
                "POST", Self.v3 + "/register?kind=guest", [:], on: loop)
            let token = try #require(made.body["access_token"]?.stringValue)
            let whoami = try await client.whoami(token, on: loop)
            #expect(whoami.body["is_guest"] == true)
            let refused: [(String, String, JSON?)] = [
                ("POST", "/createRoom", [:]), ("POST", "/account/password", [:]),
                ("POST", "/delete_devices", ["devices": []]),
                ("PUT", "/profile/@1:test/avatar_url", [:]),
            ]
            for (method, path, body) in refused {
                let answer = try await client.request(
                    method, Self.v3 + path, token: token, body, on: loop)
                #expect(answer.status == 403, "\(path)")
                #expect(answer.code == "M_GUEST_ACCESS_FORBIDDEN", "\(path)")
            }
            let devices = try await client.request(
                "GET", Self.v3 + "/devices", token: token, on: loop)
            #expect(devices.status == 200)
            let owner = try await client.register("alice", on: loop)
            for (access, status) in [("can_join", 200), ("forbidden", 403)] {
                let room = try await client.createRoom(
                    token: owner,
                    [
                        "preset": "public_chat",
                        "initial_state": [
                            [
                                "type": "m.room.guest_access", "state_key": "",
                                "content": ["guest_access": .string(access)],
                            ]
                        ],
                    ], on: loop)
                let joined = try await client.request(
                    "POST", Self.v3 + "/join/\(room)", token: token, [:], on: loop)
                #expect(joined.status == status)
            }
        }
    }

    @Test func registrationsAreCheckedAndRepeatable() throws {
        try withAPI { settings in
            settings.isExclusive = { $0.hasPrefix("bot-") }
        } _: { client, loop in
            let path = Self.v3 + "/register"
            // Clients find out what is asked for before they know a name.
            let challenge = try await client.request("POST", path, [:], on: loop)
            #expect(challenge.status == 401)
            let session = try #require(challenge.body["session"])
            let body: JSON = [
                "username": "alice", "password": "secret", "inhibit_login": true,
                "auth": ["type": "m.login.dummy", "session": session],
            ]
            let first = try await client.request("POST", path, body, on: loop)
            #expect(first.body["user_id"] == "@alice:test")
            #expect(first.body["access_token"] == nil)
            let second = try await client.request("POST", path, body, on: loop)
            #expect(second.body == first.body)
            let cases: [(JSON, String)] = [
                (["username": "alice", "password": "x"], "M_USER_IN_USE"),
                (["username": "bot-a", "password": "x"], "M_EXCLUSIVE"),
                (["username": "Big", "password": "x"], "M_INVALID_USERNAME"),
                (["username": 1, "password": "x"], "M_BAD_JSON"),
                (
                    ["username": "carl", "auth": ["type": "m.login.dummy"]], "M_MISSING_PARAM"
                ),
                (
                    ["username": "carl", "password": "a\0b", "auth": ["type": "m.login.dummy"]],
                    "M_WEAK_PASSWORD"
                ),
            ]
            for (body, code) in cases {
                let answer = try await client.request("POST", path, body, on: loop)
                #expect(answer.status == 400, "\(body)")
                #expect(answer.code == code, "\(body)")
            }
        }
    }

    @Test func profilesHaveFieldsOfTheirOwn() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let profile = Self.v3 + "/profile/@alice:test"
            let fields: [(String, JSON)] = [
                ("m.tz", ["m.tz": "Europe/Paris"]),
                ("org.example.job", ["org.example.job": ["a": 1]]),
            ]
            for (name, body) in fields {
                let answer = try await client.request(
                    "PUT", "\(profile)/\(name)", token: token, body, on: loop)
                #expect(answer.status == 200)
            }
            let all = try await client.request("GET", profile, on: loop)
            #expect(
                all.body == [
                    "displayname": "alice", "m.tz": "Europe/Paris", "org.example.job": ["a": 1],
                ])
            let one = try await client.request("GET", profile + "/m.tz", on: loop)
            #expect(one.body == ["m.tz": "Europe/Paris"])
            let big = JSON.string(String(repeating: "x", count: 65_500))
            let long = String(repeating: "a", count: 250) + ".name"
            let cases: [(String, JSON, String)] = [
                ("m.tz", [:], "M_MISSING_PARAM"), ("job", ["job": 1], "M_INVALID_PARAM"),
                ("Org.x", ["Org.x": 1], "M_INVALID_PARAM"),
                ("org.big", ["org.big": big], "M_PROFILE_TOO_LARGE"),
                (long + "r", JSON([long + "r": 1]), "M_KEY_TOO_LARGE"),
            ]
            for (name, body, code) in cases {
                let answer = try await client.request(
                    "PUT", "\(profile)/\(name)", token: token, body, on: loop)
                #expect(answer.status == 400)
                #expect(answer.code == code, "\(name)")
            }
            let removed = try await client.request(
                "DELETE", profile + "/m.tz", token: token, on: loop)
            #expect(removed.status == 200)
            let gone = try await client.request("GET", profile + "/m.tz", on: loop)
            #expect(gone.code == "M_NOT_FOUND")
            let bob = try await client.register("bob", on: loop)
            let foreign = try await client.request(
                "PUT", profile + "/m.tz", token: bob, ["m.tz": "UTC"], on: loop)
            #expect(foreign.status == 403)
        }
    }
}

extension Client {
    func refresh(_ token: String, on loop: isolated EventLoop) async throws -> Answer {
        try await request(
            "POST", "/_matrix/client/v3/refresh", ["refresh_token": .string(token)], on: loop)
    }
}

import JSON
import Reactor
import Testing

@testable import API

@Suite struct InteractiveAuthenticationTests {
    private static let v3 = "/_matrix/client/v3"

    @Test func aPasswordProvesWhoChangesIt() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let other = try await client.logIn("alice", "secret", on: loop)
            let path = Self.v3 + "/account/password"
            var body: JSON = ["new_password": "better", "logout_devices": true]
            let challenge = try await client.request("POST", path, token: token, body, on: loop)
            #expect(challenge.status == 401)
            #expect(challenge.body["flows"] == [["stages": ["m.login.password"]]])
            let session = try #require(challenge.body["session"])
            body["auth"] = Self.auth("alice", "wrong", session)
            let refused = try await client.request("POST", path, token: token, body, on: loop)
            #expect(refused.status == 401)
            #expect(refused.code == "M_FORBIDDEN")
            #expect(refused.body["session"] == session)
            body["auth"] = Self.auth("alice", "secret", session)
            let done = try await client.request("POST", path, token: token, body, on: loop)
            #expect(done.status == 200)
            let old = try await client.request(
                "POST", Self.v3 + "/login", Self.login("alice", "secret"), on: loop)
            #expect(old.code == "M_FORBIDDEN")
            _ = try await client.logIn("alice", "better", on: loop)
            // The other device is gone, this one stays.
            let gone = try await client.whoami(other, on: loop)
            #expect(gone.code == "M_UNKNOWN_TOKEN")
            #expect(try await client.whoami(token, on: loop).status == 200)
            // A session serves once.
            let again = try await client.request("POST", path, token: token, body, on: loop)
            #expect(again.status == 400)
        }
    }

    @Test func sessionsBelongToOneOperation() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let path = Self.v3 + "/account/password"
            let challenge = try await client.request(
                "POST", path, token: token, ["new_password": "better"], on: loop)
            let session = try #require(challenge.body["session"])
            let auth = Self.auth("alice", "secret", session)
            let changed: [(String, String, String, JSON)] = [
                ("POST", path, token, ["new_password": "other", "auth": auth]),
                ("POST", Self.v3 + "/account/deactivate", token, ["auth": auth]),
                ("DELETE", Self.v3 + "/devices/X", token, ["auth": auth]),
                ("POST", path, bob, ["new_password": "better", "auth": auth]),
            ]
            for (method, path, token, body) in changed {
                let answer = try await client.request(method, path, token: token, body, on: loop)
                #expect(answer.status == 403, "\(method) \(path)")
                #expect(answer.code == "M_FORBIDDEN")
            }
            let cases: [(JSON, Int, String)] = [
                (["type": "m.login.password", "session": "none"], 400, "M_UNKNOWN"),
                (["type": "m.login.magic", "session": session], 400, "M_UNRECOGNIZED"),
                (["type": "m.login.password", "session": 1], 400, "M_BAD_JSON"),
                (Self.auth("bob", "secret", session), 401, "M_FORBIDDEN"),
            ]
            for (auth, status, code) in cases {
                let answer = try await client.request(
                    "POST", path, token: token, ["new_password": "better", "auth": auth], on: loop)
                #expect(answer.status == status, "\(auth)")
                #expect(answer.code == code, "\(auth)")
            }
        }
    }

    @Test func aDeactivatedAccountIsGone() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: token, ["preset": "public_chat"], on: loop)
            _ = try await client.request(
                "POST", Self.v3 + "/rooms/\(room)/join", token: bob, [:], on: loop)
            let path = Self.v3 + "/account/deactivate"
            let bad = try await client.request(
                "POST", path, token: token, ["erase": "yes"], on: loop)
            #expect(bad.code == "M_BAD_JSON")
            let challenge = try await client.request(
                "POST", path, token: token, ["erase": true], on: loop)
            let session = try #require(challenge.body["session"])
            let done = try await client.request(
                "POST", path, token: token,
                ["erase": true, "auth": Self.auth("alice", "secret", session)], on: loop)
            #expect(done.status == 200)
            #expect(done.body["id_server_unbind_result"] == "no-support")
            #expect(try await client.whoami(token, on: loop).code == "M_UNKNOWN_TOKEN")
            let login = try await client.request(
                "POST", Self.v3 + "/login", Self.login("alice", "secret"), on: loop)
            #expect(login.code == "M_USER_DEACTIVATED")
            let profile = try await client.request(
                "GET", Self.v3 + "/profile/@alice:test", on: loop)
            #expect(profile.code == "M_NOT_FOUND")
            let available = try await client.request(
                "GET", Self.v3 + "/register/available?username=alice", on: loop)
            #expect(available.code == "M_USER_IN_USE")
            // The rooms are left after the answer.
            while true {
                let members = try await client.request(
                    "GET", Self.v3 + "/rooms/\(room)/joined_members", token: bob, on: loop)
                if members.body["joined"]?.objectValue?.keys == ["@bob:test"] { break }
                await loop.yield()
            }
        }
    }

    private static func auth(_ user: String, _ password: String, _ session: JSON) -> JSON {
        [
            "type": "m.login.password", "session": session, "password": .string(password),
            "identifier": ["type": "m.id.user", "user": .string(user)],
        ]
    }

    private static func login(_ user: String, _ password: String) -> JSON {
        [
            "type": "m.login.password", "password": .string(password),
            "identifier": ["type": "m.id.user", "user": .string(user)],
        ]
    }
}

extension Client {
    /// Logs a device in. Returns its token.
    func logIn(
        _ name: String, _ password: String, deviceID: String? = nil, on loop: isolated EventLoop
    ) async throws -> String {
        var body: JSON = [
            "type": "m.login.password", "password": .string(password),
            "identifier": ["type": "m.id.user", "user": .string(name)],
        ]
        body["device_id"] = deviceID.map { .string($0) }
        let answer = try await request("POST", "/_matrix/client/v3/login", body, on: loop)
        return try #require(answer.body["access_token"]?.stringValue)
    }

    func whoami(_ token: String, on loop: isolated EventLoop) async throws -> Answer {
        try await request("GET", "/_matrix/client/v3/account/whoami", token: token, on: loop)
    }
}

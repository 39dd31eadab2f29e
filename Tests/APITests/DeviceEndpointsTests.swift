import Configuration
import JSON
import Reactor
import Services
import Testing

@testable import API

@Suite struct DeviceEndpointsTests {
    private static let v3 = "/_matrix/client/v3"

    @Test func devicesAreNamedAndEnded() throws {
        try withAPI { client, loop in
            _ = try await client.register("alice", on: loop)
            let token = try await client.logIn("alice", "secret", deviceID: "PHONE", on: loop)
            let other = try await client.logIn("alice", "secret", deviceID: "LAPTOP", on: loop)
            let path = Self.v3 + "/devices/PHONE"
            let named = try await client.request(
                "PUT", path, token: other, ["display_name": "My phone"], on: loop)
            #expect(named.status == 200)
            let found = try await client.request("GET", path, token: token, on: loop)
            #expect(found.body["display_name"] == "My phone")
            #expect(found.body["device_id"] == "PHONE")
            let challenge = try await client.request("DELETE", path, token: other, [:], on: loop)
            #expect(challenge.status == 401)
            let session = try #require(challenge.body["session"])
            let auth: JSON = [
                "type": "m.login.password", "session": session, "password": "secret",
                "identifier": ["type": "m.id.user", "user": "@alice:test"],
            ]
            let deleted = try await client.request(
                "DELETE", path, token: other, ["auth": auth], on: loop)
            #expect(deleted.status == 200)
            #expect(try await client.whoami(token, on: loop).code == "M_UNKNOWN_TOKEN")
            let gone = try await client.request("GET", path, token: other, on: loop)
            #expect(gone.code == "M_NOT_FOUND")
        }
    }

    @Test func badRequestsAreRefused() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let name = JSON.string(String(repeating: "x", count: 300))
            let cases: [(String, String, String?, JSON?, Int, String)] = [
                ("GET", "/devices", nil, nil, 401, "M_MISSING_TOKEN"),
                ("GET", "/devices/NONE", token, nil, 404, "M_NOT_FOUND"),
                ("PUT", "/devices/NONE", token, ["display_name": "x"], 404, "M_NOT_FOUND"),
                ("PUT", "/devices/NONE", token, ["display_name": 1], 400, "M_BAD_JSON"),
                ("PUT", "/devices/NONE", token, ["display_name": name], 400, "M_TOO_LARGE"),
                ("POST", "/delete_devices", token, [:], 400, "M_MISSING_PARAM"),
                ("POST", "/delete_devices", token, ["devices": "X"], 400, "M_BAD_JSON"),
                ("POST", "/delete_devices", token, ["devices": [1]], 400, "M_BAD_JSON"),
                ("PUT", "/sendToDevice/m.x/1", token, [:], 400, "M_MISSING_PARAM"),
                ("PUT", "/sendToDevice/m.x/1", token, ["messages": []], 400, "M_BAD_JSON"),
                (
                    "PUT", "/sendToDevice/m.x/1", token, ["messages": ["bob": [:]]], 400,
                    "M_INVALID_PARAM"
                ),
                (
                    "PUT", "/sendToDevice/m.x/1", token,
                    ["messages": ["@a:test": ["D": "text"]]], 400, "M_BAD_JSON"
                ),
                (
                    "PUT", "/sendToDevice/m.x/1", token,
                    [
                        "messages": [
                            "@a:test": ["D": ["x": .string(String(repeating: "x", count: 70_000))]]
                        ]
                    ], 413, "M_TOO_LARGE"
                ),
                ("PUT", "/sendToDevice/m.x/1", nil, ["messages": [:]], 401, "M_MISSING_TOKEN"),
                ("PUT", "/presence/@alice:test/status", token, [:], 400, "M_MISSING_PARAM"),
                (
                    "PUT", "/presence/@alice:test/status", token, ["presence": "busy"], 400,
                    "M_INVALID_PARAM"
                ),
                (
                    "PUT", "/presence/@bob:test/status", token, ["presence": "online"], 403,
                    "M_FORBIDDEN"
                ),
                ("GET", "/presence/@bob:test/status", token, nil, 403, "M_FORBIDDEN"),
                ("GET", "/keys/changes", token, nil, 400, "M_MISSING_PARAM"),
                ("GET", "/keys/changes?from=x", token, nil, 400, "M_INVALID_PARAM"),
            ]
            for (method, path, token, body, status, code) in cases {
                let answer = try await client.request(
                    method, Self.v3 + path, token: token, body, on: loop)
                #expect(answer.status == status, "\(method) \(path)")
                #expect(answer.code == code, "\(method) \(path)")
            }
        }
    }

    @Test func presenceIsSetAndSeen() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let path = Self.v3 + "/presence/@alice:test/status"
            let set = try await client.request(
                "PUT", path, token: token, ["presence": "online", "status_msg": "Here"], on: loop)
            #expect(set.status == 200)
            let seen = try await client.request("GET", path, token: token, on: loop)
            #expect(seen.body["presence"] == "online")
            #expect(seen.body["status_msg"] == "Here")
            #expect(seen.body["currently_active"] == true)
            #expect((seen.body["last_active_ago"]?.intValue ?? -1) >= 0)
        }
    }

    @Test func tooManyRequestsAreTold() throws {
        try withAPI { settings in
            settings.limits.message.perSecond = 0.001
            settings.limits.message.burstCount = 1
        } _: { client, loop in
            let token = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: token, on: loop)
            let path = Self.v3 + "/rooms/\(room)/send/m.room.message"
            let first = try await client.request(
                "PUT", path + "/1", token: token, ["body": "x"], on: loop)
            #expect(first.status == 200)
            let second = try await client.request(
                "PUT", path + "/2", token: token, ["body": "x"], on: loop)
            #expect(second.status == 429)
            #expect(second.code == "M_LIMIT_EXCEEDED")
            let wait = try #require(second.body["retry_after_ms"]?.intValue)
            #expect((900_000...1_000_000).contains(wait))
            #expect(second.head.contains("Retry-After: \((wait + 999) / 1000)"))
        }
    }
}

import JSON
import Reactor
import Testing

@testable import API

@Suite struct AccountEndpointsTests {
    @Test func anAccountsLife() throws {
        try withAPI { client, loop in
            let challenge = try await client.request(
                "POST", "/_matrix/client/r0/register",
                ["username": "alice", "password": "secret"], on: loop)
            #expect(challenge.status == 401)
            let session = try #require(challenge.body["session"])
            let registered = try await client.request(
                "POST", "/_matrix/client/r0/register",
                [
                    "username": "alice", "password": "secret",
                    "auth": ["type": "m.login.dummy", "session": session],
                ], on: loop)
            #expect(registered.status == 200)
            #expect(registered.body["user_id"] == "@alice:test")
            let flows = try await client.request(
                "GET", "/_matrix/client/v3/login", on: loop)
            #expect(flows.body["flows"]?[0]?["type"] == "m.login.password")
            let login = try await client.request(
                "POST", "/_matrix/client/api/v1/login",
                ["type": "m.login.password", "user": "alice", "password": "secret"], on: loop)
            let token = try #require(login.body["access_token"]?.stringValue)
            let whoami = try await client.request(
                "GET", "/_matrix/client/v3/account/whoami", token: token, on: loop)
            #expect(whoami.body["user_id"] == "@alice:test")
            #expect(whoami.body["device_id"] == login.body["device_id"])
            let byQuery = try await client.request(
                "GET", "/_matrix/client/v2_alpha/account/whoami?access_token=\(token)", on: loop)
            #expect(byQuery.status == 200)
            let devices = try await client.request(
                "GET", "/_matrix/client/v3/devices", token: token, on: loop)
            #expect(devices.body["devices"]?.arrayValue?.count == 2)
            let logout = try await client.request(
                "POST", "/_matrix/client/v3/logout", token: token, on: loop)
            #expect(logout.status == 200)
            let after = try await client.request(
                "GET", "/_matrix/client/v3/account/whoami", token: token, on: loop)
            #expect(after.status == 401)
            #expect(after.code == "M_UNKNOWN_TOKEN")
        }
    }

    @Test func refusalsHaveTheSpecificationsCodes() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let cases: [(String, String, String?, String?, Int, String)] = [
                ("GET", "/_matrix/client/v3/account/whoami", nil, nil, 401, "M_MISSING_TOKEN"),
                ("GET", "/_matrix/client/v3/account/whoami", "x", nil, 401, "M_UNKNOWN_TOKEN"),
                ("POST", "/_matrix/client/v3/login", nil, "{", 400, "M_NOT_JSON"),
                ("POST", "/_matrix/client/v3/login", nil, "[]", 400, "M_BAD_JSON"),
                ("POST", "/_matrix/client/v3/login", nil, "", 400, "M_NOT_JSON"),
                ("POST", "/_matrix/client/v3/login", nil, "{}", 400, "M_MISSING_PARAM"),
                ("GET", "/_matrix/client/v3/nothing", token, nil, 404, "M_UNRECOGNIZED"),
                ("PUT", "/_matrix/client/v3/createRoom", token, "{}", 405, "M_UNRECOGNIZED"),
                ("GET", "/_matrix/client/v9/login", token, nil, 404, "M_UNRECOGNIZED"),
                (
                    "POST", "/_matrix/client/v3/register?kind=guest", nil, "{}", 403,
                    "M_GUEST_ACCESS_FORBIDDEN"
                ),
                (
                    "PUT", "/_matrix/client/v3/profile/@bob:test/displayname", token, "{}", 403,
                    "M_FORBIDDEN"
                ),
                ("GET", "/_matrix/client/v3/profile/@bob:test", nil, nil, 404, "M_NOT_FOUND"),
            ]
            for (method, path, token, body, status, code) in cases {
                let answer = try await client.request(
                    method, path, token: token, bytes: body.map { Array($0.utf8) }, on: loop)
                #expect(answer.status == status, "\(method) \(path)")
                #expect(answer.code == code, "\(method) \(path)")
                #expect(answer.head.contains("Access-Control-Allow-Origin: *"))
            }
            let options = try await client.request(
                "OPTIONS", "/_matrix/client/v3/login", on: loop)
            #expect([200, 204].contains(options.status))
        }
    }

    @Test func profilesFiltersAndDataAreKept() throws {
        try withAPI { client, loop in
            let token = try await client.register("alice", on: loop)
            let user = "/_matrix/client/v3/user/%40alice%3Atest"
            let profile = "/_matrix/client/v3/profile/%40alice%3Atest"
            _ = try await client.request(
                "PUT", profile + "/displayname", token: token, ["displayname": "Alice"],
                on: loop)
            _ = try await client.request(
                "PUT", profile + "/avatar_url", token: token, ["avatar_url": "mxc://x/y"],
                on: loop)
            let found = try await client.request("GET", profile, on: loop)
            #expect(found.body == ["displayname": "Alice", "avatar_url": "mxc://x/y"])
            let filter: JSON = ["room": ["timeline": ["limit": 3]]]
            let id = try await client.request(
                "POST", user + "/filter", token: token, filter, on: loop)
            let text = try #require(id.body["filter_id"]?.stringValue)
            let stored = try await client.request(
                "GET", user + "/filter/\(text)", token: token, on: loop)
            #expect(stored.body == filter)
            let missing = try await client.request(
                "GET", user + "/account_data/m.direct", token: token, on: loop)
            #expect(missing.code == "M_NOT_FOUND")
            for path in ["/account_data/m.direct", "/rooms/!r:test/account_data/x"] {
                _ = try await client.request(
                    "PUT", user + path, token: token, ["a": "b"], on: loop)
                let data = try await client.request("GET", user + path, token: token, on: loop)
                #expect(data.body == ["a": "b"])
            }
            let tags = user + "/rooms/!r:test/tags"
            _ = try await client.request(
                "PUT", tags + "/m.favourite", token: token, ["order": 0.25], on: loop)
            let list = try await client.request("GET", tags, token: token, on: loop)
            #expect(list.body == ["tags": ["m.favourite": ["order": 0.25]]])
            _ = try await client.request("DELETE", tags + "/m.favourite", token: token, on: loop)
            let rules = try await client.request(
                "GET", "/_matrix/client/v3/pushrules/", token: token, on: loop)
            #expect(rules.body["global"]?["override"]?.arrayValue?.count == 12)
            #expect(rules.body["global"]?["content"]?[0]?["pattern"] == "alice")
        }
    }
}

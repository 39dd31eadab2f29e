import JSON
import Reactor
import Testing

@testable import API

@Suite struct PusherEndpointsTests {
    private static func pusher(_ changes: JSON.Object = [:]) -> JSON {
        var body: JSON = [
            "app_id": "org.x", "pushkey": "key", "kind": "http", "app_display_name": "X",
            "device_display_name": "Phone", "lang": "en",
            "data": ["url": "https://push.example.org/_matrix/push/v1/notify", "format": "x"],
        ]
        for (key, value) in changes { body[key] = value }
        return body
    }

    private func keys(
        _ client: Client, _ token: String, on loop: isolated EventLoop
    ) async throws -> [String] {
        let answer = try await client.request(
            "GET", "/_matrix/client/v3/pushers", token: token, on: loop)
        #expect(answer.status == 200)
        return (answer.body["pushers"]?.arrayValue ?? []).compactMap { $0["pushkey"]?.stringValue }
    }

    @Test func pushersAreSetReplacedAndDeleted() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let set = try await client.post("pushers/set", token: alice, Self.pusher(), on: loop)
            #expect(set.status == 200 && set.body == [:], "\(set.body)")
            let answer = try await client.request(
                "GET", "/_matrix/client/v3/pushers", token: alice, on: loop)
            var expected = Self.pusher()
            expected["profile_tag"] = ""
            #expect(answer.body["pushers"] == [expected])
            // The same again is the same pusher.
            _ = try await client.post(
                "pushers/set", token: alice, Self.pusher(["lang": "de"]), on: loop)
            #expect(try await keys(client, alice, on: loop) == ["key"])
            // Somebody else on the same phone takes it over, unless asked not to.
            _ = try await client.post(
                "pushers/set", token: bob, Self.pusher(["append": true]), on: loop)
            #expect(try await keys(client, alice, on: loop) == ["key"])
            _ = try await client.post("pushers/set", token: bob, Self.pusher(), on: loop)
            #expect(try await keys(client, alice, on: loop) == [])
            #expect(try await keys(client, bob, on: loop) == ["key"])
            let gone = try await client.post(
                "pushers/set", token: bob,
                ["app_id": "org.x", "pushkey": "key", "kind": .null], on: loop)
            #expect(gone.status == 200)
            #expect(try await keys(client, bob, on: loop) == [])
        }
    }

    @Test func pushersEndWithTheirDevices() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let login: JSON = [
                "type": "m.login.password", "password": "secret",
                "identifier": ["type": "m.id.user", "user": "alice"],
            ]
            let second = try await client.request(
                "POST", "/_matrix/client/v3/login", login, on: loop)
            let other = try #require(second.body["access_token"]?.stringValue)
            _ = try await client.post("pushers/set", token: alice, Self.pusher(), on: loop)
            _ = try await client.post(
                "pushers/set", token: other, Self.pusher(["pushkey": "other"]), on: loop)
            #expect(try await keys(client, alice, on: loop) == ["key", "other"])
            _ = try await client.post("logout", token: other, on: loop)
            #expect(try await keys(client, alice, on: loop) == ["key"])
            let proof: JSON = [
                "type": "m.login.password", "password": "secret",
                "identifier": ["type": "m.id.user", "user": "alice"],
            ]
            let third = try await client.request(
                "POST", "/_matrix/client/v3/login", login, on: loop)
            let last = try #require(third.body["access_token"]?.stringValue)
            let changed = try await client.post(
                "account/password", token: last,
                ["new_password": "secret", "auth": proof], on: loop)
            #expect(changed.status == 200, "\(changed.body)")
            #expect(try await keys(client, last, on: loop) == [], "that device is gone")
            _ = try await client.post("pushers/set", token: last, Self.pusher(), on: loop)
            let closed = try await client.post(
                "account/deactivate", token: last, ["auth": proof], on: loop)
            #expect(closed.status == 200, "\(closed.body)")
            let bob = try await client.register("bob", on: loop)
            _ = try await client.post(
                "pushers/set", token: bob, Self.pusher(["append": true]), on: loop)
            #expect(try await keys(client, bob, on: loop) == ["key"])
        }
    }

    @Test func whatIsNoPusherIsRefused() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bad: [(JSON.Object, String)] = [
                (["kind": "pigeon"], "M_INVALID_PARAM"),
                (["kind": 1], "M_BAD_JSON"),
                (["kind": "email"], "M_INVALID_PARAM"),
                (["kind": "email", "app_id": "m.email", "pushkey": "a@x"], "M_INVALID_PARAM"),
                (["app_id": .string(String(repeating: "x", count: 65))], "M_INVALID_PARAM"),
                (["pushkey": .string(String(repeating: "x", count: 513))], "M_INVALID_PARAM"),
                (["pushkey": ""], "M_INVALID_PARAM"),
                (["pushkey": "a\nb"], "M_INVALID_PARAM"),
                (["pushkey": 7], "M_BAD_JSON"),
                (["append": "yes"], "M_BAD_JSON"),
                (["data": "x"], "M_BAD_JSON"),
                (["data": [:]], "M_MISSING_PARAM"),
                (["data": ["url": "https://x/elsewhere"]], "M_INVALID_PARAM"),
                (["data": ["url": "ftp://x/_matrix/push/v1/notify"]], "M_INVALID_PARAM"),
                (["data": ["url": "https:///_matrix/push/v1/notify"]], "M_INVALID_PARAM"),
            ]
            for (changes, code) in bad {
                let answer = try await client.post(
                    "pushers/set", token: alice, Self.pusher(changes), on: loop)
                #expect(answer.status == 400 && answer.code == code, "\(changes): \(answer.body)")
            }
            for name in [
                "app_id", "pushkey", "kind", "app_display_name", "device_display_name", "lang",
                "data",
            ] {
                var body = Self.pusher()
                body[name] = nil
                let answer = try await client.post("pushers/set", token: alice, body, on: loop)
                #expect(answer.code == "M_MISSING_PARAM", "\(name)")
            }
            for (method, path) in [("GET", "pushers"), ("POST", "pushers/set")] {
                let answer = try await client.request(
                    method, "/_matrix/client/v3/\(path)", method == "POST" ? [:] : nil, on: loop)
                #expect(answer.code == "M_MISSING_TOKEN", "\(path)")
            }
            #expect(try await keys(client, alice, on: loop) == [])
        }
    }

    @Test func notificationsAreListedInPages() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            var rooms: [String] = []
            for _ in 0..<2 {
                let room = try await client.createRoom(
                    token: alice, ["preset": "public_chat"], on: loop)
                _ = try await client.post("rooms/\(room)/join", token: bob, on: loop)
                rooms.append(room)
            }
            var sent: [String] = []
            for (index, room) in [rooms[0], rooms[1], rooms[0], rooms[1]].enumerated() {
                let text = index == 1 ? "hello bob" : "hello"
                sent.append(try await client.say(text, to: room, token: alice, on: loop))
                _ = try await client.send(
                    ["msgtype": "m.notice", "body": "x"], to: room, token: alice, on: loop)
            }
            _ = try await client.post(
                "rooms/\(rooms[0])/receipt/m.read/\(sent[0])", token: bob, on: loop)
            func page(_ query: String, on loop: isolated EventLoop) async throws -> Answer {
                try await client.request(
                    "GET", "/_matrix/client/v3/notifications\(query)", token: bob, on: loop)
            }
            func ids(_ answer: Answer) -> [String] {
                (answer.body["notifications"]?.arrayValue ?? []).compactMap {
                    $0["event"]?["event_id"]?.stringValue
                }
            }
            let all = try await page("", on: loop)
            #expect(ids(all) == Array(sent.reversed()))
            let list = all.body["notifications"]?.arrayValue ?? []
            #expect(list.map { $0["read"] } == [false, false, false, true])
            #expect(
                list.map { $0["room_id"]?.stringValue }
                    == [rooms[1], rooms[0], rooms[1], rooms[0]])
            #expect(list.first?["actions"]?.arrayValue?.first == "notify")
            #expect(all.body["next_token"] == nil)
            let first = try await page("?limit=3", on: loop)
            #expect(ids(first) == Array(sent.reversed().prefix(3)))
            let token = try #require(first.body["next_token"]?.stringValue)
            #expect(ids(try await page("?limit=3&from=\(token)", on: loop)) == [sent[0]])
            #expect(ids(try await page("?only=highlight", on: loop)) == [sent[1]])
            for query in ["?from=x", "?limit=0", "?limit=x"] {
                #expect(try await page(query, on: loop).code == "M_INVALID_PARAM", "\(query)")
            }
            let own = try await client.request(
                "GET", "/_matrix/client/v3/notifications", token: alice, on: loop)
            #expect(ids(own) == [])
            let anonymous = try await client.request(
                "GET", "/_matrix/client/v3/notifications", on: loop)
            #expect(anonymous.code == "M_MISSING_TOKEN")
        }
    }
}

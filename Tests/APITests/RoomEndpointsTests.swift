import JSON
import Reactor
import Testing

@testable import API

@Suite struct RoomEndpointsTests {
    @Test func parametersAreChecked() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: alice, ["name": "Room"], on: loop)
            let user = "/_matrix/client/v3/user/@alice:test/rooms"
            let refused = [
                ("PUT", "\(user)/garbage/account_data/m.x"), ("PUT", "\(user)/garbage/tags/u.x"),
                ("DELETE", "\(user)/garbage/tags/u.x"),
                ("GET", "/_matrix/client/v3/rooms/\(room)/members?membership=garbage"),
            ]
            for (method, target) in refused {
                let body: JSON? = method == "GET" ? nil : [:]
                let answer = try await client.request(
                    method, target, token: alice, body, on: loop)
                #expect(answer.status == 400, "\(method) \(target)")
                #expect(answer.code == "M_INVALID_PARAM", "\(method) \(target)")
            }
            let members = try await client.request(
                "GET", "/_matrix/client/v3/rooms/\(room)/members?membership=join", token: alice,
                on: loop)
            #expect(members.body["chunk"]?.arrayValue?.count == 1)
        }
    }

    @Test func twoPeopleTalk() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["name": "Room", "room_alias_name": "talk"], on: loop)
            let path = "/_matrix/client/v3/rooms/\(room)"
            let early = try await client.request(
                "POST", "/_matrix/client/v3/join/%23talk:test", token: bob, [:], on: loop)
            #expect(early.code == "M_FORBIDDEN")
            let invited = try await client.request(
                "POST", path + "/invite", token: alice, ["user_id": "@bob:test"], on: loop)
            #expect(invited.status == 200)
            let joined = try await client.request(
                "POST", "/_matrix/client/v3/join/%23talk:test", token: bob, on: loop)
            #expect(joined.body["room_id"]?.stringValue == room)
            let message: JSON = ["msgtype": "m.text", "body": "hi"]
            var ids: [JSON?] = []
            for _ in 0..<2 {
                let sent = try await client.request(
                    "PUT", path + "/send/m.room.message/t1", token: bob, message, on: loop)
                ids.append(sent.body["event_id"])
            }
            #expect(ids[0] != nil)
            #expect(ids[0] == ids[1])
            let eventID = try #require(ids[0]?.stringValue)
            let event = try await client.request(
                "GET", path + "/event/\(eventID)", token: alice, on: loop)
            #expect(event.body["content"] == message)
            let page = try await client.request(
                "GET", path + "/messages?dir=b&limit=2", token: alice, on: loop)
            let chunk = try #require(page.body["chunk"]?.arrayValue)
            #expect(chunk.count == 2)
            #expect(chunk[0]["event_id"]?.stringValue == eventID)
            #expect(page.body["end"]?.stringValue?.hasPrefix("t") == true)
            let redacted = try await client.request(
                "PUT", path + "/redact/\(eventID)/t2", token: bob, ["reason": "x"], on: loop)
            #expect(redacted.body["event_id"]?.stringValue != nil)
            let members = try await client.request(
                "GET", path + "/members?membership=join", token: alice, on: loop)
            #expect(members.body["chunk"]?.arrayValue?.count == 2)
            let profiles = try await client.request(
                "GET", path + "/joined_members", token: alice, on: loop)
            #expect(profiles.body["joined"]?["@bob:test"]?["display_name"] == "bob")
            let rooms = try await client.request(
                "GET", "/_matrix/client/v3/joined_rooms", token: bob, on: loop)
            #expect(rooms.body["joined_rooms"] == [.string(room)])
            let left = try await client.request("POST", path + "/leave", token: bob, on: loop)
            #expect(left.status == 200)
            let late = try await client.request(
                "PUT", path + "/send/m.room.message/t3", token: bob, message, on: loop)
            #expect(late.status == 403)
        }
    }

    @Test func stateHasThreeForms() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let path = "/_matrix/client/r0/rooms/\(room)/state"
            for (suffix, name) in [("", "A"), ("/", "B")] {
                let put = try await client.request(
                    "PUT", path + "/m.room.name\(suffix)", token: alice,
                    ["name": .string(name)], on: loop)
                #expect(put.status == 200, "with \(suffix)")
                let get = try await client.request(
                    "GET", path + "/m.room.name\(suffix)", token: alice, on: loop)
                #expect(get.body == ["name": .string(name)])
            }
            _ = try await client.request(
                "PUT", path + "/m.test/key%2Fwith%20all", token: alice, ["a": 1], on: loop)
            let keyed = try await client.request(
                "GET", path + "/m.test/key%2Fwith%20all?format=event", token: alice, on: loop)
            #expect(keyed.body["state_key"] == "key/with all")
            let all = try await client.request("GET", path, token: alice, on: loop)
            #expect(all.body.arrayValue?.contains { $0["type"] == "m.room.create" } == true)
            let missing = try await client.request(
                "GET", path + "/m.none", token: alice, on: loop)
            #expect(missing.code == "M_NOT_FOUND")
        }
    }

    @Test func bigStateIsReplacedByBigState() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let path = "/_matrix/client/v3/rooms/\(room)/state/m.big"
            for letter in ["x", "y"] {
                let text = String(repeating: letter, count: 60_000)
                let answer = try await client.request(
                    "PUT", path, token: alice, ["body": .string(text)], on: loop)
                #expect(answer.status == 200)
            }
            let event = try await client.request(
                "GET", path + "?format=event", token: alice, on: loop)
            let previous = event.body["unsigned"]?["prev_content"]?["body"]?.stringValue
            #expect(previous?.first == "x")
        }
    }

    @Test func typingReceiptsAndMarkersNeedMembership() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let path = "/_matrix/client/v3/rooms/\(room)"
            let sent = try await client.request(
                "PUT", path + "/send/m.room.message/1", token: alice, ["body": "x"], on: loop)
            let event = try #require(sent.body["event_id"]?.stringValue)
            for (token, user, status) in [(alice, "@alice:test", 200), (bob, "@bob:test", 403)] {
                let typing = try await client.request(
                    "PUT", path + "/typing/\(user)", token: token,
                    ["typing": true, "timeout": 1000], on: loop)
                #expect(typing.status == status)
                let receipt = try await client.request(
                    "POST", path + "/receipt/m.read/\(event)", token: token, [:], on: loop)
                #expect(receipt.status == status)
                let markers = try await client.request(
                    "POST", path + "/read_markers", token: token,
                    ["m.fully_read": .string(event), "m.read": .string(event)], on: loop)
                #expect(markers.status == status)
            }
            let unknown = try await client.request(
                "POST", path + "/receipt/m.odd/\(event)", token: alice, [:], on: loop)
            #expect(unknown.code == "M_INVALID_PARAM")
            let other = try await client.request(
                "PUT", path + "/typing/@bob:test", token: alice, ["typing": true], on: loop)
            #expect(other.code == "M_FORBIDDEN")
        }
    }

    @Test func bigAndBadEventsAreRefused() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let path = "/_matrix/client/v3/rooms/\(room)/send/m.room.message"
            let long = String(repeating: "x", count: 70_000)
            let cases: [(JSON, Int, String)] = [
                (["body": .string(long)], 413, "M_TOO_LARGE"),
                (["n": 0.5], 400, "M_BAD_JSON"),
                (["n": 9_007_199_254_740_993], 400, "M_BAD_JSON"),
            ]
            for (index, (body, status, code)) in cases.enumerated() {
                let answer = try await client.request(
                    "PUT", path + "/\(index)", token: alice, body, on: loop)
                #expect(answer.status == status)
                #expect(answer.code == code)
            }
            let endless = [UInt8](repeating: UInt8(ascii: " "), count: (1 << 20) + 1)
            let endlessAnswer = try await client.request(
                "PUT", path + "/e", token: alice, bytes: endless, on: loop)
            #expect(endlessAnswer.status == 413)
            #expect(endlessAnswer.code == "M_TOO_LARGE")
            let zero = try await client.request(
                "PUT", path + "/z", token: alice, ["body": "a\0b"], on: loop)
            #expect(zero.status == 200)
            let typeWithZero = try await client.request(
                "PUT", "/_matrix/client/v3/rooms/\(room)/send/a%00b/z2", token: alice, [:],
                on: loop)
            #expect(typeWithZero.status == 400)
        }
    }
}

import JSON
import Reactor
import Testing

@testable import API

/// A small generator, so that a failure can be repeated.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

@Suite struct HostileRequestsTests {
    private static let values: [JSON] = [
        JSON.null, true, 0, -1, 1.5, 9_223_372_036_854_775_807, "", "x", "@a:test", "!r:test",
        "\u{0}",
        "\u{10FFFF}\u{301}", [], ["x"], [JSON.null], [[:]], [:], ["a": JSON.null],
        ["type": "m.login.dummy"],
        ["type": "m.id.user", "user": 1], ["event_id": 1, "rel_type": 2],
        ["users": ["@alice:test": "x"]], .string(String(repeating: "é", count: 3000)),
    ]

    private static let keys = [
        "username", "password", "auth", "device_id", "type", "identifier", "user", "user_id",
        "reason", "typing", "timeout", "displayname", "avatar_url", "m.read", "m.fully_read",
        "thread_id", "preset", "name", "topic", "invite", "initial_state", "visibility",
        "room_alias_name", "power_level_content_override", "creation_content", "room_version",
        "is_direct", "content", "membership", "m.relates_to", "url", "redacts", "room_id",
        "filter", "limit", "since", "allow", "join_rule",
        "alias", "alt_aliases", "ban", "events", "ignored_users",
    ]

    private static func endpoints(room: String, event: String) -> [(String, String)] {
        let rooms = "rooms/\(room)"
        let user = "user/@alice:test"
        return [
            ("POST", "register"), ("POST", "login"), ("POST", "createRoom"),
            ("POST", "join/\(room)"), ("POST", "join/%23x:test"), ("POST", "join/%00"),
            ("POST", "\(rooms)/join"), ("POST", "\(rooms)/invite"), ("POST", "\(rooms)/kick"),
            ("POST", "\(rooms)/ban"), ("POST", "\(rooms)/unban"),
            ("PUT", "\(rooms)/send/m.room.message/T"), ("PUT", "\(rooms)/send/%F0%9F%98%80/T"),
            ("PUT", "\(rooms)/send/m.room.redaction/T"), ("PUT", "\(rooms)/send/m.room.create/T"),
            ("PUT", "\(rooms)/state/m.room.name"), ("PUT", "\(rooms)/state/m.room.create"),
            ("PUT", "\(rooms)/state/m.room.member/@alice:test"),
            ("PUT", "\(rooms)/state/m.room.member/x"),
            ("PUT", "\(rooms)/state/m.room.canonical_alias"),
            ("PUT", "\(rooms)/state/m.room.join_rules"), ("PUT", "\(rooms)/state/m.test/@b:test"),
            ("PUT", "\(rooms)/redact/\(event)/T"), ("PUT", "\(rooms)/redact/x/T"),
            ("GET", "\(rooms)/messages?dir=b&limit=-5"),
            ("GET", "\(rooms)/messages?dir=f&limit=99999999999999999999"),
            ("GET", "\(rooms)/messages?dir=b&from=t-9223372036854775808-1"),
            ("GET", "\(rooms)/messages?dir=f&from=s-1&to=t5-x"),
            ("GET", "\(rooms)/messages?dir=b&filter=%7B%22types%22%3A1%7D"),
            ("GET", "\(rooms)/event/%24x"), ("GET", "\(rooms)/members?membership=%00"),
            ("PUT", "\(rooms)/typing/@alice:test"), ("POST", "\(rooms)/receipt/m.read/\(event)"),
            ("POST", "\(rooms)/receipt/m.read/%00"), ("POST", "\(rooms)/read_markers"),
            ("PUT", "profile/@alice:test/displayname"), ("PUT", "profile/@alice:test/avatar_url"),
            ("GET", "profile/%00"), ("POST", "\(user)/filter"), ("GET", "\(user)/filter/-1"),
            ("PUT", "\(user)/account_data/m.ignored_user_list"),
            ("PUT", "\(user)/rooms/\(room)/tags/x"), ("PUT", "directory/room/%23x:test"),
            ("POST", "knock/\(room)"), ("POST", "publicRooms"), ("POST", "\(rooms)/report"),
            ("POST", "\(rooms)/report/\(event)"), ("POST", "users/@alice:test/report"),
            ("PUT", "directory/list/room/\(room)"), ("GET", "directory/list/room/%00"),
            ("GET", "\(rooms)/context/\(event)?limit=99999999999&filter=%7B%7D"),
            ("GET", "\(rooms)/context/%00"), ("GET", "publicRooms?since=n-1"),
            ("GET", "directory/room/%FF"), ("GET", "register/available?username=%00"),
        ]
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func nothingThatAClientSendsIsAnInternalError(seed: UInt64) throws {
        try withAPI { client, loop in
            var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15)
            let token = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: token, on: loop)
            let sent = try await client.request(
                "PUT", "/_matrix/client/v3/rooms/\(room)/send/m.room.message/first",
                token: token, ["body": "x"], on: loop)
            let event = try #require(sent.body["event_id"]?.stringValue)
            for round in 0..<12 {
                for (method, path) in Self.endpoints(room: room, event: event) {
                    var body = JSON([:])
                    for _ in 0..<Int.random(in: 0..<6, using: &generator) {
                        let key = Self.keys.randomElement(using: &generator) ?? ""
                        body[key] = Self.values.randomElement(using: &generator)
                    }
                    let unique = path.hasSuffix("/T") ? "\(path)\(round)" : path
                    let answer = try await client.request(
                        method, "/_matrix/client/v3/\(unique)", token: token,
                        method == "GET" ? nil : body, on: loop)
                    let text = String(decoding: body.bytes, as: UTF8.self)
                    #expect(answer.status < 500, "\(method) \(path) \(text)")
                    #expect(answer.status < 300 || answer.code != nil, "\(method) \(path)")
                }
            }
        }
    }
}

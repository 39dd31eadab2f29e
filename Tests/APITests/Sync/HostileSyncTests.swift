import JSON
import Reactor
import Services
import Testing

@testable import API

/// What strangers, the curious and the broken ask of /sync.
@Suite struct HostileSyncTests {
    private let sync = "/_matrix/client/v3/sync"

    private func request(_ path: String, _ token: String) -> [UInt8] {
        Array(
            "GET \(path) HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8)
    }

    /// Two people with a room each; gives their tokens, the first one's room and place, and a word said in it.
    private struct Scene {
        let owner: String
        let stranger: String
        let room: String
        let place: String
        let secret = "between us"
    }

    private func scene(_ client: Client, on loop: isolated EventLoop) async throws -> Scene {
        let owner = try await client.register("owner", on: loop)
        let stranger = try await client.register("stranger", on: loop)
        let room = try await client.createRoom(token: owner, on: loop)
        _ = try await client.createRoom(token: stranger, on: loop)
        let initial = try await client.request("GET", sync, token: owner, on: loop)
        let place = try #require(initial.body["next_batch"]?.stringValue)
        let scene = Scene(owner: owner, stranger: stranger, room: room, place: place)
        let sent = try await client.request(
            "PUT", "/_matrix/client/v3/rooms/\(room)/send/m.room.message/secret", token: owner,
            ["msgtype": "m.text", "body": .string(scene.secret)], on: loop)
        #expect(sent.status == 200)
        return scene
    }

    @Test func anothersTokenShowsNothingOfAnothersRooms() throws {
        try withSync { client, _, _, loop in
            let scene = try await scene(client, on: loop)
            let room = "%22\(scene.room)%22"
            let queries = [
                "since=\(scene.place)", "since=\(scene.place)&full_state=true",
                "full_state=true&filter=%7B%22room%22:%7B%22rooms%22:%5B\(room)%5D%7D%7D",
                "since=s0&filter=%7B%22room%22:%7B%22rooms%22:%5B\(room)%5D,"
                    + "%22include_leave%22:true%7D%7D",
                "since=s0_0_0_0_0_0_0_0",
            ]
            for query in queries {
                let answer = try await client.request(
                    "GET", "\(sync)?\(query)", token: scene.stranger, on: loop)
                #expect(answer.status == 200, "\(query)")
                #expect(!answer.body.description.contains(scene.room), "\(query)")
                #expect(!answer.body.description.contains(scene.secret), "\(query)")
            }
            // The check sees what it looks for.
            let own = try await client.request(
                "GET", "\(sync)?since=\(scene.place)", token: scene.owner, on: loop)
            #expect(own.body.description.contains(scene.room))
            #expect(own.body.description.contains(scene.secret))
        }
    }

    @Test func aStoredFilterOfSomebodyElseIsNone() throws {
        try withSync { client, _, _, loop in
            let scene = try await scene(client, on: loop)
            let stored = try await client.request(
                "POST", "/_matrix/client/v3/user/@owner:test/filter", token: scene.owner,
                ["room": ["timeline": ["limit": 3]]], on: loop)
            let id = try #require(stored.body["filter_id"]?.stringValue)
            let answer = try await client.request(
                "GET", "\(sync)?filter=\(id)", token: scene.stranger, on: loop)
            #expect(answer.status == 400)
            #expect(answer.code == "M_INVALID_PARAM")
        }
    }

    @Test func truncatedAndForgedTokensAreRefusedOrServeTheAskerOnly() throws {
        try withSync { client, _, engine, loop in
            let scene = try await scene(client, on: loop)
            var texts = (0..<scene.place.count).map { String(scene.place.prefix($0)) }
            texts += [
                "s-1", "s9223372036854775808", "t1-1", "s1-1-1", "s1_-5", "S1", "s1,2", "s%00",
                "s1__", "%F0%9F%98%80", String(repeating: "s", count: 5000),
                "s" + String(repeating: "9", count: 400),
                "s1" + String(repeating: "_1", count: 3000),
            ]
            for text in texts {
                let answer = try await client.request(
                    "GET", "\(sync)?since=\(text)", token: scene.stranger, on: loop)
                #expect(answer.status == 200 || answer.status == 400, "\(text.prefix(80))")
                #expect(answer.status == 200 || answer.code != nil, "\(text.prefix(80))")
                #expect(!answer.body.description.contains(scene.room), "\(text.prefix(80))")
            }
            #expect(engine.metrics.parked == 0)
        }
    }

    @Test func aTokenFromAFarFutureWaitsABoundedTimeAndShowsNothing() throws {
        var options = SyncOptions()
        options.futureTimeout = .milliseconds(20)
        try withSync(options: options) { client, _, engine, loop in
            let scene = try await scene(client, on: loop)
            let answer = try await client.request(
                "GET", "\(sync)?since=s9223372036854775807_9223372036854775807&timeout=10",
                token: scene.stranger, on: loop)
            #expect(answer.status == 200)
            #expect(!answer.body.description.contains(scene.room))
            #expect(engine.metrics.futureTokens == 1)
        }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func absurdFiltersAreAnsweredOrExplained(seed: UInt64) throws {
        try withSync { client, _, _, loop in
            let scene = try await scene(client, on: loop)
            var filters = RandomFilters(seed: seed)
            for _ in 0..<60 {
                let filter = filters.next(room: scene.room)
                let text = filter.description.utf8.reduce(into: "") { text, byte in
                    let digits = String(byte, radix: 16)
                    text += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
                }
                let answer = try await client.request(
                    "GET", "\(sync)?filter=\(text)", token: scene.stranger, on: loop)
                #expect(answer.status < 500, "\(filter)")
                #expect(answer.status == 200 || answer.code != nil, "\(filter)")
                #expect(!answer.body.description.contains(scene.room), "\(filter)")
            }
        }
    }

    @Test func aClientThatVanishesLeavesNothingBehind() throws {
        try withSync { client, _, engine, loop in
            let scene = try await scene(client, on: loop)
            let known = try await client.request(
                "GET", "\(sync)?since=\(scene.place)&timeout=100000&set_presence=offline",
                token: scene.owner, on: loop)
            let place = try #require(known.body["next_batch"]?.stringValue)
            for round in 1...5 {
                let channel = try await loop.connect(
                    to: client.address, timeout: .seconds(5)
                ) { _ in DeafClient() }
                let path = "\(sync)?since=\(place)&timeout=100000&set_presence=offline"
                channel.write(request(path, scene.owner), on: loop)
                while engine.metrics.parked == 0 { await loop.sleep(for: .milliseconds(1)) }
                channel.close(on: loop)
                while engine.metrics.parked > 0 { await loop.sleep(for: .milliseconds(1)) }
                #expect(engine.metrics.requests == round + 2)
            }
            // The server goes on serving, and the client misses nothing when it comes back.
            let sent = try await client.request(
                "PUT", "/_matrix/client/v3/rooms/\(scene.room)/send/m.room.message/later",
                token: scene.owner, ["msgtype": "m.text", "body": "later"], on: loop)
            let back = try await client.request(
                "GET", "\(sync)?since=\(place)&timeout=100000&set_presence=offline",
                token: scene.owner, on: loop)
            let events = back.body["rooms"]?["join"]?[scene.room]?["timeline"]?["events"]
            #expect(events?[0]?["event_id"] == sent.body["event_id"])
        }
    }

    @Test func aClientThatDoesNotReadDelaysNobody() throws {
        try withSync { client, _, engine, loop in
            let scene = try await scene(client, on: loop)
            for number in 0..<10 {
                let content = JSON.string(String(repeating: "x", count: 50_000))
                _ = try await client.request(
                    "PUT", "/_matrix/client/v3/rooms/\(scene.room)/send/m.room.message/\(number)",
                    token: scene.owner, ["msgtype": "m.text", "body": content], on: loop)
            }
            let before = engine.metrics.requests
            let deaf = DeafClient()
            let channel = try await loop.connect(to: client.address, timeout: .seconds(5)) { _ in
                deaf
            }
            channel.pauseReading(on: loop)
            // Half a megabyte each: far more than the sockets hold.
            for _ in 0..<40 { channel.write(request(sync, scene.owner), on: loop) }
            while engine.metrics.requests == before { await loop.sleep(for: .milliseconds(1)) }
            for _ in 0..<5 {
                let answer = try await client.request("GET", sync, token: scene.stranger, on: loop)
                #expect(answer.status == 200)
            }
            // Nobody computes answers for a client that has not taken the ones before.
            #expect(engine.metrics.requests < before + 40)
            channel.close(on: loop)
        }
    }
}

/// Reads nothing.
private final class DeafClient: ChannelHandler {
    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {}
}

/// Filters with the names that filters have and values that they should not, by seed.
private struct RandomFilters {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    private mutating func number(_ limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(limit))
    }

    mutating func next(room: String) -> JSON { object(depth: 3, room: room) }

    private mutating func object(depth: Int, room: String) -> JSON {
        let keys = [
            "room", "timeline", "state", "ephemeral", "account_data", "presence", "rooms",
            "not_rooms", "types", "not_types", "senders", "not_senders", "limit", "contains_url",
            "lazy_load_members", "include_redundant_members", "include_leave", "event_fields",
            "event_format", "unread_thread_notifications", "x",
        ]
        var object = JSON([:])
        for _ in 0..<number(6) {
            object[keys[number(keys.count)]] = value(depth: depth, room: room)
        }
        return object
    }

    private mutating func value(depth: Int, room: String) -> JSON {
        switch number(depth > 0 ? 14 : 10) {
        case 0: .null
        case 1: true
        case 2: .integer(Int64(bitPattern: state))
        case 3: -1
        case 4: 1.5
        case 5: .string(String(repeating: "*%_\\", count: 1 + number(40)))
        case 6: .array([.string(room)])
        case 7: ["m.*", "*", "", "\u{0}", "%"]
        case 8: .array((0..<number(400)).map { .string("t\($0)") })
        case 9: [["x"], 1]
        default: object(depth: depth - 1, room: room)
        }
    }
}

import JSON
import Reactor
import Services
import Testing

@testable import API

@Suite struct LegacySyncTests {
    private let v3 = "/_matrix/client/v3"

    private func types(_ answer: Answer, _ key: String = "chunk") -> [String] {
        answer.body[key]?.arrayValue?.compactMap { $0["type"]?.stringValue } ?? []
    }

    @Test func initialSyncTellsRoomsAndItsEndGoesOn() throws {
        try withSync { client, other, engine, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat", "name": "Old"], on: loop)
            let event = try await client.say("one", to: room, token: alice, on: loop)
            let invited = try await client.createRoom(
                token: bob, ["invite": ["@alice:test"]], on: loop)
            for version in ["api/v1", "r0", "v3"] {
                let answer = try await client.request(
                    "GET", "/_matrix/client/\(version)/initialSync?limit=1", token: alice, on: loop)
                #expect(answer.status == 200, "\(answer.body)")
            }
            let answer = try await client.request(
                "GET", "\(v3)/initialSync?limit=1", token: alice, on: loop)
            let rooms = answer.body["rooms"]?.arrayValue ?? []
            let joined = try #require(rooms.first { $0["room_id"]?.stringValue == room })
            #expect(joined["membership"] == "join")
            #expect(joined["visibility"] == "private")
            #expect(joined["messages"]?["chunk"]?.arrayValue?.count == 1)
            #expect(joined["messages"]?["chunk"]?[0]?["event_id"]?.stringValue == event)
            #expect(joined["messages"]?["chunk"]?[0]?["room_id"]?.stringValue == room)
            let state = joined["state"]?.arrayValue ?? []
            #expect(
                state.contains { $0["type"] == "m.room.name" && $0["content"]?["name"] == "Old" })
            let invitation = try #require(rooms.first { $0["room_id"]?.stringValue == invited })
            #expect(invitation["membership"] == "invite")
            #expect(invitation["inviter"] == "@bob:test")
            #expect(invitation["invite"]?["content"]?["membership"] == "invite")

            let start = try #require(joined["messages"]?["start"]?.stringValue)
            let page = try await client.get(
                "messages?dir=b&limit=50&from=\(start)", of: room, token: alice, on: loop)
            #expect(page.status == 200)
            #expect(!page.ids().contains(event))

            // Its end is one of /events and of /sync.
            let end = try #require(answer.body["end"]?.stringValue)
            let next = try await client.say("two", to: room, token: alice, on: loop)
            try await heard(from: end, at: client, token: alice, on: loop)
            for path in ["events?from=\(end)&timeout=0", "events?from=\(end)&timeout=10000"] {
                let news = try await client.request("GET", "\(v3)/\(path)", token: alice, on: loop)
                #expect(news.status == 200)
                #expect(news.ids() == [next], "\(news.body)")
                #expect(news.body["start"]?.stringValue == end)
                #expect(news.body["chunk"]?[0]?["room_id"]?.stringValue == room)
            }
            let synced = try await client.request(
                "GET", "\(v3)/sync?since=\(end)", token: alice, on: loop)
            let timeline = synced.body["rooms"]?["join"]?[room]?["timeline"]?["events"]
            #expect(timeline?.arrayValue?.compactMap { $0["event_id"]?.stringValue } == [next])
        }
    }

    /// Waits until what was sent has come to where syncs are served, which answers to its sender do not wait for.
    private func heard(
        from place: String, at client: Client, token: String, on loop: isolated EventLoop
    ) async throws {
        while true {
            let news = try await client.request(
                "GET", "\(v3)/events?from=\(place)&timeout=30000", token: token, on: loop)
            try #require(news.status == 200)
            if !news.ids().isEmpty { return }
        }
    }

    @Test func eventsWaitsAndLeavesNothingOut() throws {
        try withSync { sender, waiter, engine, loop in
            let alice = try await sender.register("alice", on: loop)
            let room = try await sender.createRoom(token: alice, on: loop)
            let now = try await waiter.request(
                "GET", "\(v3)/events?timeout=0", token: alice, on: loop)
            #expect(types(now) == [])
            var from = try #require(now.body["end"]?.stringValue)
            let spoken = loop.spawn {
                while engine.metrics.parked == 0 { await loop.sleep(for: .milliseconds(1)) }
                return try? await sender.say("hello", to: room, token: alice, on: loop)
            }
            // That she is online may be told first.
            var heard: [String] = []
            while heard.isEmpty {
                let news = try await waiter.request(
                    "GET", "\(v3)/events?from=\(from)&timeout=30000", token: alice, on: loop)
                try #require(news.status == 200)
                heard += news.ids()
                from = try #require(news.body["end"]?.stringValue)
            }
            let said = try #require(await spoken.value)
            #expect(heard == [said])

            // More than fit: the end is where the last one stands.
            var sent: [String] = []
            for number in 0..<7 {
                sent.append(
                    try await sender.say("\(number)", to: room, token: alice, on: loop))
            }
            var seen: [String] = []
            while seen.count < sent.count {
                let page = try await waiter.request(
                    "GET", "\(v3)/events?from=\(from)&limit=3&timeout=30000", token: alice,
                    on: loop)
                try #require(page.status == 200)
                seen += page.ids()
                from = try #require(page.body["end"]?.stringValue)
            }
            #expect(seen == sent)
        }
    }

    @Test func messagesToDevicesAreNotLostBesideEvents() throws {
        try withSync { client, _, _, loop in
            let alice = try await client.register("alice", on: loop)
            let who = try await client.request(
                "GET", "\(v3)/account/whoami", token: alice, on: loop)
            let device = try #require(who.body["device_id"]?.stringValue)
            let before = try await client.request(
                "GET", "\(v3)/initialSync", token: alice, on: loop)
            let end = try #require(before.body["end"]?.stringValue)
            _ = try await client.request(
                "PUT", "\(v3)/sendToDevice/m.test/1", token: alice,
                ["messages": ["@alice:test": .object([device: ["body": "kept"]])]], on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            try await heard(from: end, at: client, token: alice, on: loop)
            let news = try await client.request(
                "GET", "\(v3)/events?from=\(end)&timeout=0", token: alice, on: loop)
            #expect(news.body["chunk"]?[0]?["room_id"]?.stringValue == room)
            let then = try #require(news.body["end"]?.stringValue)
            let synced = try await client.request(
                "GET", "\(v3)/sync?since=\(then)", token: alice, on: loop)
            #expect(synced.body["to_device"]?["events"]?[0]?["content"]?["body"] == "kept")
        }
    }

    @Test func whoIsNotInTheRoomSeesWhatEverybodyMay() throws {
        try withSync { client, guestClient, _, loop in
            let alice = try await client.register("alice", on: loop)
            let guest = try await client.registerGuest(on: loop)
            let open = try await client.createRoom(
                token: alice,
                [
                    "preset": "public_chat",
                    "initial_state": [
                        [
                            "type": "m.room.history_visibility", "state_key": "",
                            "content": ["history_visibility": "world_readable"],
                        ]
                    ],
                ], on: loop)
            let closed = try await client.createRoom(token: alice, on: loop)
            let event = try await client.say("for all", to: open, token: alice, on: loop)
            let hidden = try await client.say("for us", to: closed, token: alice, on: loop)

            let seen = try await guestClient.get("initialSync", of: open, token: guest, on: loop)
            #expect(seen.status == 200)
            let chunk = seen.body["messages"]?["chunk"]?.arrayValue ?? []
            #expect(chunk.last?["event_id"]?.stringValue == event)
            #expect(types(seen, "state").contains("m.room.create"))
            let end = try #require(seen.body["messages"]?["end"]?.stringValue)
            let refused = try await guestClient.get(
                "initialSync", of: closed, token: guest, on: loop)
            #expect(refused.status == 403)

            // The guest waits, and is told what is said.
            let path = "\(v3)/events?room_id=\(open)&from=\(end)"
            let waiting = loop.spawn {
                try? await guestClient.request(
                    "GET", "\(path)&timeout=30000", token: guest, on: loop)
            }
            let next = try await client.say("more", to: open, token: alice, on: loop)
            #expect(await waiting.value?.ids() == [next])
            let nothing = try await guestClient.request(
                "GET", "\(v3)/events?room_id=\(closed)&timeout=0", token: guest, on: loop)
            #expect(nothing.status == 403)
            let aimless = try await guestClient.request(
                "GET", "\(v3)/events?timeout=0", token: guest, on: loop)
            #expect(aimless.code == "M_MISSING_PARAM")
            let everything = try await guestClient.request(
                "GET", "\(v3)/initialSync", token: guest, on: loop)
            #expect(everything.code == "M_GUEST_ACCESS_FORBIDDEN")

            // One event by its id: who may read the room has it, nobody else learns that it is there.
            let bob = try await client.register("bob", on: loop)
            let one = try await client.request("GET", "\(v3)/events/\(event)", token: bob, on: loop)
            #expect(one.body["content"]?["body"] == "for all")
            let other = try await client.request(
                "GET", "\(v3)/events/\(hidden)", token: bob, on: loop)
            #expect(other.status == 404)
            let unknown = try await client.request(
                "GET", "\(v3)/events/$none", token: bob, on: loop)
            #expect(unknown.status == 404)
        }
    }

    @Test func formerMembersSeeTheRoomAsTheyLeftIt() throws {
        try withSync { client, _, _, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat", "name": "Before"], on: loop)
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            let known = try await client.say("known", to: room, token: alice, on: loop)
            _ = try await client.post("rooms/\(room)/leave", token: bob, on: loop)
            let later = try await client.say("later", to: room, token: alice, on: loop)
            try await client.set("m.room.name", ["name": "After"], in: room, token: alice, on: loop)

            let seen = try await client.get("initialSync?limit=50", of: room, token: bob, on: loop)
            #expect(seen.body["membership"] == "leave")
            let ids =
                seen.body["messages"]?["chunk"]?.arrayValue?.compactMap {
                    $0["event_id"]?.stringValue
                } ?? []
            #expect(ids.contains(known))
            #expect(!ids.contains(later))
            let names = seen.body["state"]?.arrayValue?.filter { $0["type"] == "m.room.name" }
            #expect(names?.first?["content"]?["name"] == "Before")
            let left = try await client.request(
                "GET", "\(v3)/initialSync?archived=true", token: bob, on: loop)
            #expect(left.body["rooms"]?.arrayValue?.count == 1)
            let current = try await client.request(
                "GET", "\(v3)/initialSync", token: bob, on: loop)
            #expect(current.body["rooms"]?.arrayValue?.count == 0)
        }
    }

    @Test func badRequestsAreRefused() throws {
        try withSync { client, _, _, loop in
            let alice = try await client.register("alice", on: loop)
            for path in [
                "events?from=nonsense", "events?timeout=long", "events?limit=-1",
                "events?room_id=nowhere", "initialSync?archived=perhaps", "initialSync?limit=x",
                "rooms/nowhere/initialSync",
            ] {
                let answer = try await client.request(
                    "GET", "\(v3)/\(path)", token: alice, on: loop)
                #expect(answer.status == 400, "\(path)")
                #expect(answer.code == "M_INVALID_PARAM", "\(path)")
            }
            let unknown = try await client.request(
                "GET", "\(v3)/rooms/!none:test/initialSync", token: alice, on: loop)
            #expect(unknown.status == 403)
            for path in ["events", "events/$x", "initialSync", "rooms/!a:test/initialSync"] {
                let answer = try await client.request("GET", "\(v3)/\(path)", on: loop)
                #expect(answer.code == "M_MISSING_TOKEN", "\(path)")
            }
        }
    }
}

extension Client {
    /// Makes a guest's account. Returns its token.
    func registerGuest(on loop: isolated EventLoop) async throws -> String {
        let answer = try await request(
            "POST", "/_matrix/client/v3/register?kind=guest", [:], on: loop)
        return try #require(answer.body["access_token"]?.stringValue, "\(answer.body)")
    }
}

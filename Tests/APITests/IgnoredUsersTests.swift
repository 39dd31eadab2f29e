import JSON
import Reactor
import Services
import Testing

@testable import API

/// Specification: client-server API, "Ignoring Users".
@Suite struct IgnoredUsersTests {
    private let v3 = "/_matrix/client/v3"

    /// Every place where a message can be read, and what of it names events.
    private func shown(
        _ client: Client, _ room: String, around event: String, thread: String, token: String,
        on loop: isolated EventLoop
    ) async throws -> [String: Set<String>] {
        var seen: [String: Set<String>] = [:]
        let messages = try await client.get(
            "messages?dir=b&limit=100", of: room, token: token, on: loop)
        seen["messages"] = Set(messages.ids())
        let context = try await client.get(
            "context/\(event)?limit=100", of: room, token: token, on: loop)
        #expect(context.status == 200)
        seen["context"] = Set(context.ids("events_before") + context.ids("events_after"))
        let relations = try await client.get(
            "relations/\(event)", of: room, version: "v1", token: token, on: loop)
        seen["relations"] = Set(relations.ids())
        let threads = try await client.get(
            "threads", of: room, version: "v1", token: token, on: loop)
        seen["threads"] = Set(threads.ids())
        let bundled = try await client.get("event/\(event)", of: room, token: token, on: loop)
        let references = bundled.body["unsigned"]?["m.relations"]?["m.reference"]?["chunk"]
        seen["references"] = Set(
            references?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? [])
        let sync = try await client.request("GET", "\(v3)/sync", token: token, on: loop)
        let timeline = sync.body["rooms"]?["join"]?[room]?["timeline"]?["events"]
        seen["sync"] = Set(timeline?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? [])
        let old = try await client.get("initialSync?limit=50", of: room, token: token, on: loop)
        seen["initialSync"] = Set(
            old.body["messages"]?["chunk"]?.arrayValue?
                .compactMap { $0["event_id"]?.stringValue } ?? [])
        return seen
    }

    @Test func messagesOfIgnoredUsersAreToldNowhere() throws {
        try withSync { client, _, _, loop in
            let alice = try await client.register("alice", on: loop)
            let mallory = try await client.register("mallory", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat"], on: loop)
            _ = try await client.post("join/\(room)", token: mallory, on: loop)
            let root = try await client.say("root", to: room, token: alice, on: loop)
            let said = try await client.say("noise", to: room, token: mallory, on: loop)
            let thread = try await client.say(
                "answer", relating: ["rel_type": "m.thread", "event_id": .string(said)], to: room,
                token: alice, on: loop)
            let reference = try await client.say(
                "see", relating: ["rel_type": "m.reference", "event_id": .string(root)], to: room,
                token: mallory, on: loop)
            let theirs: Set<String> = [said, reference]

            // Seen everywhere first, so that the test would notice if a place were misread.
            let before = try await shown(
                client, room, around: root, thread: thread, token: alice, on: loop)
            for (place, ids) in before {
                #expect(!ids.isDisjoint(with: theirs), "\(place) does not tell at all")
            }
            _ = try await client.request(
                "PUT", "\(v3)/user/@alice:test/account_data/m.ignored_user_list", token: alice,
                ["ignored_users": ["@mallory:test": [:], "@alice:test": [:]]], on: loop)
            let after = try await shown(
                client, room, around: root, thread: thread, token: alice, on: loop)
            for (place, ids) in after {
                #expect(ids.isDisjoint(with: theirs), "\(place) tells what an ignored user said")
            }
            #expect(after["messages"]?.contains(thread) == true, "alice cannot ignore herself")
            for path in ["rooms/\(room)/event/\(said)", "events/\(said)"] {
                let answer = try await client.request(
                    "GET", "\(v3)/\(path)", token: alice, on: loop)
                #expect(answer.status == 404, "\(path)")
            }
            // Their state still is the room's.
            let members = try await client.get("members", of: room, token: alice, on: loop)
            #expect(
                members.body["chunk"]?.arrayValue?.contains {
                    $0["state_key"] == "@mallory:test"
                } == true)
            // Others see everything.
            let own = try await client.get(
                "messages?dir=b&limit=100", of: room, token: mallory, on: loop)
            #expect(theirs.isSubset(of: own.ids()))
        }
    }

    @Test func invitationsAndNewsOfIgnoredUsersAreNotTold() throws {
        try withSync { client, waiter, engine, loop in
            let alice = try await client.register("alice", on: loop)
            let mallory = try await client.register("mallory", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: bob, ["preset": "public_chat"], on: loop)
            for token in [alice, mallory] {
                _ = try await client.post("join/\(room)", token: token, on: loop)
            }
            _ = try await client.request(
                "PUT", "\(v3)/user/@alice:test/account_data/m.ignored_user_list", token: alice,
                ["ignored_users": ["@mallory:test": [:]]], on: loop)
            let start = try await client.request("GET", "\(v3)/sync", token: alice, on: loop)
            let since = try #require(start.body["next_batch"]?.stringValue)

            _ = try await client.createRoom(
                token: mallory, ["invite": ["@alice:test"]], on: loop)
            let welcome = try await client.createRoom(
                token: bob, ["invite": ["@alice:test"]], on: loop)
            let noise = try await client.say("noise", to: room, token: mallory, on: loop)
            let news = try await client.say("news", to: room, token: bob, on: loop)
            let answer = try await client.request(
                "GET", "\(v3)/sync?since=\(since)", token: alice, on: loop)
            #expect(answer.body["rooms"]?["invite"]?.objectValue?.keys == [welcome])
            let timeline = answer.body["rooms"]?["join"]?[room]?["timeline"]?["events"]
            #expect(timeline?.arrayValue?.compactMap { $0["event_id"]?.stringValue } == [news])
            let old = try await client.request(
                "GET", "\(v3)/events?from=\(since)&timeout=0", token: alice, on: loop)
            #expect(old.ids().contains(news))
            #expect(!old.ids().contains(noise))
            let invitations = old.body["chunk"]?.arrayValue?.filter {
                $0["content"]?["membership"] == "invite"
            }
            #expect(invitations?.compactMap { $0["room_id"]?.stringValue } == [welcome])
            let initial = try await client.request(
                "GET", "\(v3)/initialSync", token: alice, on: loop)
            let invited = initial.body["rooms"]?.arrayValue?.filter { $0["membership"] == "invite" }
            #expect(invited?.compactMap { $0["room_id"]?.stringValue } == [welcome])

            // While she waits, what he says wakes nobody; what is said after it comes alone.
            let position = try #require(answer.body["next_batch"]?.stringValue)
            let spoken = loop.spawn {
                while engine.metrics.parked == 0 { await loop.sleep(for: .milliseconds(1)) }
                _ = try? await client.say("noise", to: room, token: mallory, on: loop)
                return try? await client.say("live", to: room, token: bob, on: loop)
            }
            var seen: [String] = []
            var from = position
            while seen.isEmpty {
                let live = try await waiter.request(
                    "GET", "\(v3)/sync?since=\(from)&timeout=30000", token: alice, on: loop)
                from = try #require(live.body["next_batch"]?.stringValue)
                let events = live.body["rooms"]?["join"]?[room]?["timeline"]?["events"]
                seen += events?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? []
            }
            let said = try #require(await spoken.value)
            #expect(seen == [said])
        }
    }
}

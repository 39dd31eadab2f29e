import JSON
import Reactor
import Services
import Testing

@testable import API

@Suite struct SyncEndpointTests {
    private let sync = "/_matrix/client/v3/sync"

    @Test func aMessageReachesAWaitingClient() throws {
        try withSync { sender, waiter, engine, loop in
            let token = try await sender.register("a", on: loop)
            let roomID = try await sender.createRoom(token: token, on: loop)
            let initial = try await waiter.request("GET", "\(sync)", token: token, on: loop)
            #expect(initial.status == 200)
            #expect(initial.body["rooms"]?["join"]?[roomID] != nil)
            let since = try #require(initial.body["next_batch"]?.stringValue)
            loop.spawn {
                while engine.metrics.parked == 0 { await loop.sleep(for: .milliseconds(1)) }
                _ = try? await sender.request(
                    "PUT", "/_matrix/client/v3/rooms/\(roomID)/send/m.room.message/txn1",
                    token: token, ["msgtype": "m.text", "body": "hello"], on: loop)
            }
            let news = try await waiter.request(
                "GET", "\(sync)?since=\(since)&timeout=30000", token: token, on: loop)
            let event = news.body["rooms"]?["join"]?[roomID]?["timeline"]?["events"]?[0]
            #expect(event?["content"]?["body"] == "hello")
            #expect(event?["unsigned"]?["transaction_id"] == "txn1")
            #expect(news.head.contains("application/json"))
            #expect(engine.metrics.deliveriesLive == 1)
        }
    }

    @Test func everyPrefixServes() throws {
        try withSync { client, _, _, loop in
            let token = try await client.register("a", on: loop)
            for version in ["r0", "v3", "unstable", "v2_alpha"] {
                let answer = try await client.request(
                    "GET", "/_matrix/client/\(version)/sync?access_token=\(token)", on: loop)
                #expect(answer.status == 200)
            }
            let options = try await client.request("OPTIONS", sync, on: loop)
            #expect(options.status < 300)
        }
    }

    @Test func badRequestsAreRefused() throws {
        try withSync { client, _, _, loop in
            let token = try await client.register("a", on: loop)
            let queries = [
                "from=s1", "since=nonsense", "since=s1_x", "timeout=long", "full_state=maybe",
                "set_presence=asleep", "filter=%7B", "filter=12", "filter=x",
                "filter=%7B%22room%22:1%7D",
            ]
            for query in queries {
                let answer = try await client.request(
                    "GET", "\(sync)?\(query)", token: token, on: loop)
                #expect(answer.status == 400, "\(query)")
                #expect(answer.code != nil, "\(query)")
            }
            let unknown = try await client.request("GET", sync, token: "nobody", on: loop)
            #expect(unknown.status == 401)
            #expect(unknown.code == "M_UNKNOWN_TOKEN")
            let missing = try await client.request("GET", sync, on: loop)
            #expect(missing.code == "M_MISSING_TOKEN")
        }
    }

    @Test func filtersCanBeStoredOrWrittenOut() throws {
        try withSync { client, _, engine, loop in
            let token = try await client.register("a", on: loop)
            _ = try await client.createRoom(token: token, on: loop)
            let stored = try await client.request(
                "POST", "/_matrix/client/v3/user/@a:test/filter", token: token,
                ["room": ["timeline": ["limit": 1]]], on: loop)
            let id = try #require(stored.body["filter_id"]?.stringValue)
            let inline = "%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:1%7D%7D%7D"
            for filter in [id, id, inline, inline] {
                let answer = try await client.request(
                    "GET", "\(sync)?filter=\(filter)&set_presence=offline", token: token, on: loop)
                let rooms = answer.body["rooms"]?["join"]?.objectValue?.values ?? []
                #expect(rooms.first?["timeline"]?["events"]?.arrayValue?.count == 1)
            }
            #expect(engine.syncingUsers.isEmpty)
        }
    }
}

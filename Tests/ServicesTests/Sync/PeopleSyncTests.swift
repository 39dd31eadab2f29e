import JSON
import Postgres
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

/// Messages to devices, devices and keys of others, and presence, on both paths.
@Suite struct PeopleSyncTests {
    private static func owner(_ name: String) -> AccessTokens.Owner {
        AccessTokens.Owner(
            tokenID: 1, userID: "@\(name):test", deviceID: "\(name.uppercased())DEVICE",
            validUntil: nil, isGuest: false)
    }

    private func addDevices(
        _ names: [String], _ world: SyncWorld, on loop: isolated EventLoop
    ) async throws {
        for name in names {
            _ = try await Devices.add(
                userID: "@\(name):test", deviceID: "\(name.uppercased())DEVICE",
                displayName: nil, now: 1, in: world.pool, on: loop)
        }
    }

    private func send(
        _ text: String, to name: String, device: String = "*", _ world: SyncWorld,
        transaction: String? = nil, on loop: isolated EventLoop
    ) async throws {
        let content: JSON = ["body": .string(text)]
        try await world.services.toDevice.send(
            ["messages": JSON(["@\(name):test": JSON([device: content])])], type: "m.test",
            transactionID: transaction ?? text, owner: Self.owner("a"), on: loop)
    }

    private func bodies(_ answer: JSON) -> [String] {
        (answer["to_device"]?["events"]?.arrayValue ?? []).compactMap {
            $0["content"]?["body"]?.stringValue
        }
    }

    private func waiting(_ world: SyncWorld, on loop: isolated EventLoop) async throws -> Int64 {
        let rows = try await world.pool.query(
            Statement(unprepared: "SELECT count(*) FROM device_inbox"), [], on: loop)
        return try #require(rows.first).integer(0)
    }

    @Test func messagesWakeTheDeviceAndGoWhenTheyHaveBeenReceived() throws {
        try withWorld { world, loop in
            try await addDevices(["b"], world, on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("b", on: loop)
            let parked = try await feed.park("b", since: first.nextBatch, on: loop)
            try await send("one", to: "b", world, on: loop)
            let answer = try await parked.json(on: loop)
            #expect(bodies(answer) == ["one"])
            #expect(answer["to_device"]?["events"]?[0]?["sender"] == "@a:test")
            // The answer may be lost: the same token gets the same messages.
            let again = try await feed.sync("b", since: first.nextBatch, on: loop)
            #expect(bodies(again) == ["one"])
            #expect(try await waiting(world, on: loop) == 1)
            let next = try await feed.sync("b", since: answer.nextBatch, on: loop)
            #expect(bodies(next).isEmpty)
            while try await waiting(world, on: loop) > 0 { await loop.yield() }
            // A transaction is carried out once.
            try await send("two", to: "b", world, transaction: "one", on: loop)
            #expect(try await waiting(world, on: loop) == 0)
        }
    }

    @Test func manyMessagesComeInPortions() throws {
        try withWorld { world, loop in
            try await addDevices(["b", "c"], world, on: loop)
            var options = SyncOptions()
            options.toDeviceMax = 3
            let feed = try await world.engine(options, on: loop)
            for number in 1...7 { try await send("\(number)", to: "b", world, on: loop) }
            try await send("other", to: "b", device: "NONE", world, on: loop)
            try await send("for c", to: "c", device: "CDEVICE", world, on: loop)
            await feed.settle(on: loop)
            var since: String?
            var all: [String] = []
            for _ in 0..<4 {
                let answer = try await feed.sync("b", since: since, on: loop)
                all += bodies(answer)
                since = answer.nextBatch
            }
            #expect(all == (1...7).map { "\($0)" })
            #expect(bodies(try await feed.sync("c", on: loop)) == ["for c"])
        }
    }

    @Test func keyCountsAreInEveryAnswer() throws {
        try withWorld { world, loop in
            try await addDevices(["b"], world, on: loop)
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("b", on: loop)
            #expect(first["device_one_time_keys_count"] == ["signed_curve25519": 0])
            #expect(first["device_unused_fallback_key_types"] == [])
            let encryption = world.services.encryption
            _ = try await encryption.upload(
                [
                    "one_time_keys": ["signed_curve25519:A": ["key": "x"]],
                    "fallback_keys": ["signed_curve25519:F": ["key": "y"]],
                ], owner: Self.owner("b"), on: loop)
            let second = try await feed.sync("b", since: first.nextBatch, on: loop)
            #expect(second["device_one_time_keys_count"] == ["signed_curve25519": 1])
            #expect(second["device_unused_fallback_key_types"] == ["signed_curve25519"])
            // On the live path too, and after somebody has taken the key while the client waited.
            let parked = try await feed.park("b", since: second.nextBatch, on: loop)
            try await world.say("hello", by: "a", in: room, on: loop)
            let live = try await parked.json(on: loop)
            #expect(feed.engine.metrics.deliveriesLive == 1)
            #expect(live["device_one_time_keys_count"] == ["signed_curve25519": 1])
            let waits = try await feed.park("b", since: live.nextBatch, on: loop)
            for _ in 0..<2 {
                _ = try await encryption.claim(
                    ["one_time_keys": ["@b:test": ["BDEVICE": "signed_curve25519"]]], on: loop)
            }
            try await world.say("again", by: "a", in: room, on: loop)
            let last = try await waits.json(on: loop)
            #expect(last["device_one_time_keys_count"] == ["signed_curve25519": 0])
            #expect(last["device_unused_fallback_key_types"] == [])
        }
    }

    @Test func membersOfARoomHearOfChangedDevices() throws {
        try withWorld { world, loop in
            try await addDevices(["a", "b", "c"], world, on: loop)
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            let feed = try await world.engine(on: loop)
            let first = try await feed.sync("b", on: loop)
            let other = try await feed.sync("c", on: loop)
            let parked = try await feed.park("b", since: first.nextBatch, on: loop)
            let stranger = try await feed.park("c", since: other.nextBatch, on: loop)
            try await world.services.devices.rename(
                "ADEVICE", userID: "@a:test", to: "Phone", on: loop)
            let live = try await parked.json(on: loop)
            #expect(live["device_lists"] == ["changed": ["@a:test"], "left": []])
            #expect(feed.engine.metrics.deliveriesLive == 1)
            #expect(stranger.result == nil)
            let general = try await feed.sync("b", since: first.nextBatch, on: loop)
            #expect(general["device_lists"] == ["changed": ["@a:test"], "left": []])
        }
    }

    /// What each is told of one change, whichever way.
    private func told(
        _ feed: SyncFeed, _ since: inout [String: String], on loop: isolated EventLoop,
        _ change: () async throws -> Void
    ) async throws -> [String: JSON] {
        var parked: [String: TestResponder] = [:]
        for (name, token) in since {
            parked[name] = try await feed.park(name, since: token, on: loop)
        }
        try await change()
        var told: [String: JSON] = [:]
        for (name, responder) in parked {
            let live = try await responder.json(on: loop)
            let general = try await feed.sync(name, since: since[name], on: loop)
            #expect(live["device_lists"] == general["device_lists"], "\(name)")
            told[name] = live["device_lists"]
            since[name] = live.nextBatch
        }
        return told
    }

    @Test func whoComesAndGoesChangesTheListOnBothPaths() throws {
        try withWorld { world, loop in
            try await addDevices(["a", "b", "c"], world, on: loop)
            let room = try await world.createRoom(by: "a", on: loop)
            let second = try await world.createRoom(by: "a", on: loop)
            for name in ["b", "c"] { try await world.join(name, room, on: loop) }
            try await world.join("c", second, on: loop)
            let feed = try await world.engine(on: loop)
            var since: [String: String] = [:]
            for name in ["a", "b"] {
                since[name] = try await feed.sync(name, on: loop).nextBatch
            }
            let nobody: JSON = ["changed": [], "left": []]
            let left = try await told(feed, &since, on: loop) {
                try await world.leave("c", room, on: loop)
            }
            // c is still in a room with a, but in none with b.
            #expect(left == ["a": nobody, "b": ["changed": [], "left": ["@c:test"]]])
            let came = try await told(feed, &since, on: loop) {
                try await world.join("c", room, on: loop)
            }
            let arrived: JSON = ["changed": ["@c:test"], "left": []]
            #expect(came == ["a": arrived, "b": arrived])
            await feed.settle(on: loop)
            // Who joins learns of all who are there, who leaves of all who are no more.
            let before = try await feed.sync("b", on: loop).nextBatch
            try await world.leave("b", room, on: loop)
            await feed.settle(on: loop)
            let gone = try await feed.sync("b", since: before, on: loop)
            #expect(gone["device_lists"]?["left"] == ["@a:test", "@c:test"])
            try await world.join("b", room, on: loop)
            await feed.settle(on: loop)
            let back = try await feed.sync("b", since: gone.nextBatch, on: loop)
            #expect(back["device_lists"]?["changed"] == ["@a:test", "@b:test", "@c:test"])
            let changes = try await world.services.encryption.changes(
                for: "@b:test", since: try StreamToken(parsing: before),
                upTo: world.services.position, on: loop)
            // b left and came back meanwhile; c was there throughout.
            #expect(changes.left.isEmpty)
        }
    }

    @Test func presenceIsShownToThoseWhoShareARoom() throws {
        try withWorld { world, loop in
            let room = try await world.createRoom(by: "a", on: loop)
            try await world.join("b", room, on: loop)
            let feed = try await world.engine(on: loop)
            var tokens: [String: String] = [:]
            for name in ["a", "b", "c"] {
                tokens[name] = try await feed.sync(name, on: loop).nextBatch
            }
            let parked = try await feed.park("b", since: tokens["b"] ?? "", on: loop)
            let stranger = try await feed.park("c", since: tokens["c"] ?? "", on: loop)
            let quiet = try await feed.park(
                "a", since: tokens["a"] ?? "", filter: ["presence": ["types": []]], on: loop)
            try await world.services.presence.set(
                .online, message: "Here", userID: "@a:test", deviceID: "ADEVICE", on: loop)
            let live = try await parked.json(on: loop)
            let events = live["presence"]?["events"]
            #expect(events?[0]?["sender"] == "@a:test")
            #expect(events?[0]?["content"]?["presence"] == "online")
            #expect(events?[0]?["content"]?["status_msg"] == "Here")
            #expect(feed.engine.metrics.deliveriesLive == 1)
            #expect(stranger.result == nil)
            #expect(quiet.result == nil)
            let general = try await feed.sync("b", since: tokens["b"], on: loop)
            #expect(general["presence"] == live["presence"])
            let first = try await feed.sync("b", on: loop)
            #expect(first["presence"]?["events"] == events)
        }
    }
}

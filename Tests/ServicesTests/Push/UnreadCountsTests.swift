import JSON
import Matrix
import Postgres
import Reactor
import Recomputation
import Storage
import Testing

@testable import Services

/// What is unread as /sync tells it, after things that make notifications and that clear them.
@Suite struct UnreadCountsTests {
    /// A room of a, b and c, and somebody who asks.
    private final class Scene {
        let world: SyncWorld
        let room: String
        let feed: SyncFeed

        init(_ world: SyncWorld, _ names: [String], on loop: isolated EventLoop) async throws {
            self.world = world
            room = try await world.createRoom(by: names[0], on: loop)
            for name in names.dropFirst() { try await world.join(name, room, on: loop) }
            feed = try await world.engine(on: loop)
        }

        /// Notifications and highlights of a user, outside and inside of threads.
        func unread(
            _ name: String, threads: Bool = false, on loop: isolated EventLoop
        ) async throws -> [Int64] {
            let filter: JSON = [
                "room": ["timeline": ["unread_thread_notifications": .bool(threads)]]
            ]
            await feed.settle(on: loop)
            let answer = try await feed.sync(name, filter: filter, on: loop)
            let section = try #require(answer.joined(room))
            var counts = Self.counts(section["unread_notifications"])
            for (_, thread) in section["unread_thread_notifications"]?.objectValue ?? [:] {
                counts += Self.counts(thread)
            }
            return counts
        }

        /// Notes it if a user has another number of notifications and highlights.
        func expect(
            _ name: String, _ expected: [Int64], threads: Bool = false,
            at location: SourceLocation = #_sourceLocation, on loop: isolated EventLoop
        ) async throws {
            let found = try await unread(name, threads: threads, on: loop)
            #expect(found == expected, "\(name)", sourceLocation: location)
        }

        private static func counts(_ json: JSON?) -> [Int64] {
            [
                json?["notification_count"]?.intValue ?? -1,
                json?["highlight_count"]?.intValue ?? -1,
            ]
        }

        func check(on loop: isolated EventLoop) async throws {
            #expect(try await PushRecomputation.mismatches(in: world.pool, on: loop) == [])
        }

        @discardableResult
        func send(
            _ content: JSON, by name: String, type: String = "m.room.message",
            on loop: isolated EventLoop
        ) async throws -> String {
            try await world.services.rooms.send(
                type: type, stateKey: nil, content: content, to: room, sender: world.user(name),
                on: loop)
        }
    }

    private func withScene(
        _ names: [String] = ["a", "b", "c"],
        _ body: @escaping @Sendable (Scene, SyncWorld, isolated EventLoop) async throws -> Void
    ) throws {
        try withWorld { world, loop in
            let scene = try await Scene(world, names, on: loop)
            try await body(scene, world, loop)
            try await scene.check(on: loop)
        }
    }

    @Test func messagesNotifyAllButTheirSender() throws {
        try withScene { scene, world, loop in
            try await scene.expect("b", [0, 0], on: loop)
            try await world.say("1", by: "a", in: scene.room, on: loop)
            try await world.say("2", by: "a", in: scene.room, on: loop)
            try await scene.expect("a", [0, 0], on: loop)
            try await scene.expect("b", [2, 0], on: loop)
            try await scene.expect("c", [2, 0], on: loop)
            // One row speaks for everybody.
            let rows = try await world.pool.query(
                Statement(
                    unprepared: """
                        SELECT (SELECT count(*) FROM event_push_actions),
                            (SELECT count(*) FROM room_push_actions)
                        """), [], on: loop)
            #expect(try rows.first?.integer(0) == 0)
            #expect(try rows.first?.integer(1) == 2)
        }
    }

    @Test func mentionsHighlight() throws {
        try withScene { scene, world, loop in
            try await scene.send(
                [
                    "msgtype": "m.text", "body": "x",
                    "m.mentions": ["user_ids": ["@b:test"]],
                ], by: "a", on: loop)
            try await world.say("hello c", by: "a", in: scene.room, on: loop)
            try await scene.expect("b", [2, 1], on: loop)
            try await scene.expect("c", [2, 1], on: loop)
            try await scene.send(
                ["msgtype": "m.text", "body": "x", "m.mentions": ["room": true]], by: "a",
                on: loop)
            // Who may not notify the room does not.
            try await scene.send(
                ["msgtype": "m.text", "body": "x", "m.mentions": ["room": true]], by: "c",
                on: loop)
            try await scene.expect("b", [4, 2], on: loop)
        }
    }

    @Test func reactionsNoticesAndEditsAreQuiet() throws {
        try withScene { scene, world, loop in
            let id = try await world.say("1", by: "a", in: scene.room, on: loop)
            try await scene.send(["msgtype": "m.notice", "body": "beep"], by: "a", on: loop)
            try await scene.send(
                [
                    "m.relates_to": [
                        "rel_type": "m.annotation", "event_id": .string(id), "key": "x",
                    ]
                ], by: "a", type: "m.reaction", on: loop)
            try await scene.send(
                [
                    "msgtype": "m.text", "body": "* 2",
                    "m.relates_to": ["rel_type": "m.replace", "event_id": .string(id)],
                ], by: "a", on: loop)
            try await world.setState(
                "m.room.topic", ["topic": "x"], by: "a", in: scene.room, on: loop)
            try await scene.expect("b", [1, 0], on: loop)
        }
    }

    @Test func receiptsAndOwnMessagesClear() throws {
        try withScene { scene, world, loop in
            let first = try await world.say("1", by: "a", in: scene.room, on: loop)
            let second = try await world.say("2", by: "a", in: scene.room, on: loop)
            try await world.read(first, by: "b", in: scene.room, on: loop)
            try await scene.expect("b", [1, 0], on: loop)
            try await world.read(
                second, by: "b", in: scene.room, type: "m.read.private", on: loop)
            try await scene.expect("b", [0, 0], on: loop)
            try await world.say("3", by: "c", in: scene.room, on: loop)
            try await scene.expect("c", [0, 0], on: loop)
            try await scene.expect("b", [1, 0], on: loop)
        }
    }

    @Test func threadsCountApart() throws {
        try withScene { scene, world, loop in
            let root = try await world.say("root", by: "a", in: scene.room, on: loop)
            let inThread: JSON = [
                "msgtype": "m.text", "body": "in it",
                "m.relates_to": ["rel_type": "m.thread", "event_id": .string(root)],
            ]
            let reply = try await scene.send(inThread, by: "a", on: loop)
            try await scene.send(inThread, by: "c", on: loop)
            try await scene.expect("b", [3, 0], on: loop)
            try await scene.expect("b", [1, 0, 2, 0], threads: true, on: loop)
            // c has said something in the thread, and not outside.
            try await scene.expect("c", [1, 0], threads: true, on: loop)
            try await world.services.receipts.receive(
                type: "m.read", roomID: scene.room, userID: "@b:test", eventID: reply,
                threadID: root, on: loop)
            try await scene.expect("b", [1, 0, 1, 0], threads: true, on: loop)
            try await world.services.receipts.receive(
                type: "m.read", roomID: scene.room, userID: "@b:test", eventID: reply,
                threadID: "main", on: loop)
            try await scene.expect("b", [0, 0, 1, 0], threads: true, on: loop)
            let last = try await world.say("last", by: "a", in: scene.room, on: loop)
            try await world.read(last, by: "b", in: scene.room, on: loop)
            try await scene.expect("b", [0, 0], threads: true, on: loop)
        }
    }

    @Test func staysCountFromTheirBeginning() throws {
        try withScene { scene, world, loop in
            try await world.say("1", by: "a", in: scene.room, on: loop)
            try await world.join("d", scene.room, on: loop)
            try await scene.expect("d", [0, 0], on: loop)
            try await world.say("2", by: "a", in: scene.room, on: loop)
            // Another name is a membership event, and no new stay.
            try await world.setState(
                "m.room.member", key: "@d:test",
                ["membership": "join", "displayname": "Dora"], by: "d", in: scene.room, on: loop)
            try await scene.expect("d", [1, 0], on: loop)
            try await world.say("dora?", by: "a", in: scene.room, on: loop)
            try await scene.expect("d", [2, 1], on: loop)
            try await world.leave("d", scene.room, on: loop)
            try await world.say("4", by: "a", in: scene.room, on: loop)
            try await world.join("d", scene.room, on: loop)
            try await scene.expect("d", [0, 0], on: loop)
        }
    }

    @Test func whatIsRedactedIsNotUnread() throws {
        try withScene { scene, world, loop in
            let id = try await world.say("hello b", by: "a", in: scene.room, on: loop)
            try await world.say("2", by: "a", in: scene.room, on: loop)
            try await scene.expect("b", [2, 1], on: loop)
            _ = try await world.services.rooms.redact(
                id, in: scene.room, content: [:], sender: world.user("a"), on: loop)
            try await scene.expect("b", [1, 0], on: loop)
        }
    }

    @Test func rulesOfOnesOwnCountFromWhenTheyAreMade() throws {
        try withScene { scene, world, loop in
            let rules = world.services.pushRules
            try await world.say("1", by: "a", in: scene.room, on: loop)
            try await rules.put(
                PushRule.Name(.room, scene.room), ["actions": []], before: nil, after: nil,
                of: "@b:test", on: loop)
            try await world.say("2", by: "a", in: scene.room, on: loop)
            try await scene.expect("b", [1, 0], on: loop)
            try await scene.expect("c", [2, 0], on: loop)
            try await rules.put(
                PushRule.Name(.content, "cheese"),
                ["actions": ["notify", ["set_tweak": "highlight"]], "pattern": "ch*se"],
                before: nil, after: nil, of: "@b:test", on: loop)
            try await world.say("Cheese!", by: "a", in: scene.room, on: loop)
            try await scene.expect("b", [2, 1], on: loop)
            try await rules.delete(
                PushRule.Name(.room, scene.room), of: "@b:test", on: loop)
            try await world.say("4", by: "a", in: scene.room, on: loop)
            try await scene.expect("b", [3, 1], on: loop)
            try await rules.setEnabled(
                ["enabled": true], PushRule.Name(.override, ".m.rule.master"), of: "@c:test",
                on: loop)
            try await world.say("5", by: "a", in: scene.room, on: loop)
            try await scene.expect("c", [4, 0], on: loop)
        }
    }

    @Test func whoIsIgnoredDoesNotNotify() throws {
        try withScene { scene, world, loop in
            try await world.services.accountData.put(
                ["ignored_users": ["@a:test": [:]]], type: "m.ignored_user_list",
                userID: "@b:test", roomID: nil, on: loop)
            try await world.say("hello b", by: "a", in: scene.room, on: loop)
            try await scene.expect("b", [0, 0], on: loop)
            try await scene.expect("c", [1, 0], on: loop)
        }
    }

    @Test func rulesAreToldAtFirstAndWhenTheyChange() throws {
        try withScene { scene, world, loop in
            let first = try await scene.feed.sync("b", on: loop)
            let rules = try #require(first.content(of: "m.push_rules", in: "account_data"))
            #expect(rules["global"] == PushRuleset.default.json(for: UserID(trusted: "@b:test")))
            let parked = try await scene.feed.park("b", since: first.nextBatch, on: loop)
            try await world.services.pushRules.setEnabled(
                ["enabled": true], PushRule.Name(.override, ".m.rule.master"), of: "@c:test",
                on: loop)
            await scene.feed.settle(on: loop)
            #expect(parked.result == nil, "they are somebody else's")
            try await world.services.pushRules.setEnabled(
                ["enabled": true], PushRule.Name(.override, ".m.rule.master"), of: "@b:test",
                on: loop)
            let second = try await parked.json(on: loop)
            let changed = second.content(of: "m.push_rules", in: "account_data")
            let master = changed?["global"]?["override"]?.arrayValue?.first
            #expect(master?["rule_id"] == ".m.rule.master")
            #expect(master?["enabled"] == true)
            let third = try await scene.feed.sync("b", since: second.nextBatch, on: loop)
            #expect(third.content(of: "m.push_rules", in: "account_data") == nil)
        }
    }
}

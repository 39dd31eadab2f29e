import JSON
import Reactor
import Testing

@testable import API

@Suite struct RelationsTests {
    private static func thread(_ root: String) -> JSON {
        ["rel_type": "m.thread", "event_id": .string(root)]
    }

    @Test func whatRelatesToAnEventIsFoundByKindAndType() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let root = try await client.say("root", to: room, token: alice, on: loop)
            var replies: [String] = []
            for index in 0..<3 {
                replies.append(
                    try await client.say(
                        "\(index)", relating: Self.thread(root), to: room, token: alice, on: loop))
            }
            let reaction: JSON = [
                "m.relates_to": [
                    "rel_type": "m.annotation", "event_id": .string(root), "key": "x",
                ]
            ]
            let liked = try await client.send(
                reaction, type: "m.reaction", to: room, token: alice, on: loop)
            let deeper: JSON = [
                "m.relates_to": [
                    "rel_type": "m.annotation", "event_id": .string(replies[0]), "key": "y",
                ]
            ]
            let deep = try await client.send(
                deeper, type: "m.reaction", to: room, token: alice, on: loop)
            let path = "relations/\(root)"
            func found(_ rest: String, on loop: isolated EventLoop) async throws -> Answer {
                try await client.get(path + rest, of: room, version: "v1", token: alice, on: loop)
            }
            let all = try await found("", on: loop)
            #expect(all.ids() == [liked] + replies.reversed())
            #expect(all.body["next_batch"] == nil && all.body["recursion_depth"] == nil)
            #expect(try await found("?dir=f", on: loop).ids() == replies + [liked])
            #expect(try await found("/m.thread", on: loop).ids() == replies.reversed())
            #expect(try await found("/m.thread/m.reaction", on: loop).ids() == [])
            #expect(try await found("/m.annotation/m.reaction", on: loop).ids() == [liked])
            let recursive = try await found("?recurse=true", on: loop)
            #expect(recursive.ids() == [deep, liked] + replies.reversed())
            #expect(recursive.body["recursion_depth"] == 3)
            // Page by page, each way.
            let first = try await found("/m.thread?limit=2", on: loop)
            #expect(first.ids() == [replies[2], replies[1]])
            let next = try #require(first.body["next_batch"]?.stringValue)
            let second = try await found("/m.thread?limit=2&from=\(next)", on: loop)
            #expect(second.ids() == [replies[0]])
            #expect(second.body["next_batch"] == nil)
            #expect(second.body["prev_batch"]?.stringValue == next)
            #expect(
                try await found("/m.thread?to=\(next)", on: loop).ids() == [replies[2], replies[1]])
            // A redacted event relates to nothing, and so does what relates to it.
            let redacted = try await client.request(
                "PUT", "/_matrix/client/v3/rooms/\(room)/redact/\(replies[0])/r", token: alice,
                [:], on: loop)
            #expect(redacted.status == 200)
            let left = try await found("?recurse=true", on: loop)
            #expect(left.ids() == [liked, replies[2], replies[1]])
            let old = try await client.get(
                path, of: room, version: "unstable", token: alice, on: loop)
            #expect(old.status == 200)
        }
    }

    @Test func redactedEventsRelateToNothing() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let root = try await client.say("root", to: room, token: alice, on: loop)
            let other = try await client.say("other", to: room, token: alice, on: loop)
            var replies: [String] = []
            for target in [root, other, root] {
                replies.append(
                    try await client.say(
                        "r", relating: Self.thread(target), to: room, token: alice, on: loop))
            }
            func roots(on loop: isolated EventLoop) async throws -> [String] {
                try await client.get("threads", of: room, version: "v1", token: alice, on: loop)
                    .ids()
            }
            #expect(try await roots(on: loop) == [root, other])
            let redactions = [(replies[2], [other, root]), (replies[0], [other])]
            for (index, (reply, left)) in redactions.enumerated() {
                let answer = try await client.request(
                    "PUT", "/_matrix/client/v3/rooms/\(room)/redact/\(reply)/r\(index)",
                    token: alice, [:], on: loop)
                #expect(answer.status == 200)
                #expect(try await roots(on: loop) == left)
            }
            let relations = try await client.get(
                "relations/\(root)", of: room, version: "v1", token: alice, on: loop)
            #expect(relations.status == 200)
            #expect(relations.ids() == [])
        }
    }

    @Test func rightsAndParametersAreChecked() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            let root = try await client.say("root", to: room, token: alice, on: loop)
            for path in ["relations/\(root)", "threads"] {
                let refused = try await client.get(
                    path, of: room, version: "v1", token: bob, on: loop)
                #expect(refused.code == "M_FORBIDDEN", "\(path)")
                for query in ["limit=0", "limit=x", "from=garbage"] {
                    let answer = try await client.get(
                        "\(path)?\(query)", of: room, version: "v1", token: alice, on: loop)
                    #expect(answer.code == "M_INVALID_PARAM", "\(path) \(query)")
                }
            }
            for query in [
                "relations/\(root)?dir=x", "relations/\(root)?recurse=1",
                "relations/\(root)?to=garbage", "threads?include=some",
            ] {
                let answer = try await client.get(
                    query, of: room, version: "v1", token: alice, on: loop)
                #expect(answer.code == "M_INVALID_PARAM", "\(query)")
            }
            let missing = try await client.get(
                "relations/$none", of: room, version: "v1", token: alice, on: loop)
            #expect(missing.code == "M_NOT_FOUND")
        }
    }

    @Test func threadsAreListedByTheirNewestMessage() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat"], on: loop)
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            var roots: [String] = []
            for index in 0..<3 {
                let root = try await client.say("\(index)", to: room, token: alice, on: loop)
                roots.append(root)
                _ = try await client.say(
                    "a", relating: Self.thread(root), to: room, token: alice, on: loop)
            }
            _ = try await client.say(
                "b", relating: Self.thread(roots[0]), to: room, token: bob, on: loop)
            func threads(
                _ query: String, _ token: String, on loop: isolated EventLoop
            ) async throws -> Answer {
                try await client.get(
                    "threads?\(query)", of: room, version: "v1", token: token, on: loop)
            }
            let first = try await threads("limit=2", bob, on: loop)
            #expect(first.ids() == [roots[0], roots[2]])
            let thread = first.body["chunk"]?[0]?["unsigned"]?["m.relations"]?["m.thread"]
            #expect(thread?["count"] == 2)
            #expect(thread?["current_user_participated"] == true)
            #expect(thread?["latest_event"]?["content"]?["body"] == "b")
            let untouched = first.body["chunk"]?[1]?["unsigned"]?["m.relations"]?["m.thread"]
            #expect(untouched?["current_user_participated"] == false)
            let next = try #require(first.body["next_batch"]?.stringValue)
            let second = try await threads("limit=2&from=\(next)", bob, on: loop)
            #expect(second.ids() == [roots[1]])
            #expect(second.body["next_batch"] == nil)
            #expect(try await threads("include=participated", bob, on: loop).ids() == [roots[0]])
            #expect(try await threads("include=participated", alice, on: loop).ids().count == 3)
        }
    }

    @Test func eventsComeWithTheirAggregations() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat"], on: loop)
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            let root = try await client.say("root", to: room, token: alice, on: loop)
            _ = try await client.edit(root, to: "first", in: room, token: alice, on: loop)
            let second = try await client.edit(
                root, to: "second", in: room, token: alice, on: loop)
            // Neither another's edit counts, nor one without new content.
            _ = try await client.edit(root, to: "forged", in: room, token: bob, on: loop)
            _ = try await client.say(
                "empty", relating: ["rel_type": "m.replace", "event_id": .string(root)],
                to: room, token: alice, on: loop)
            let reference = try await client.say(
                "see", relating: ["rel_type": "m.reference", "event_id": .string(root)],
                to: room, token: bob, on: loop)
            let reply = try await client.say(
                "reply", relating: Self.thread(root), to: room, token: bob, on: loop)
            let fixed = try await client.edit(reply, to: "fixed", in: room, token: bob, on: loop)
            let page = try await client.get(
                "messages?dir=b&limit=20", of: room, token: alice, on: loop)
            let context = try await client.get("context/\(root)", of: room, token: alice, on: loop)
            let event = try await client.get("event/\(root)", of: room, token: alice, on: loop)
            let paged = page.body["chunk"]?.arrayValue?.first {
                $0["event_id"]?.stringValue == root
            }
            for rendered in [paged, context.body["event"], event.body] {
                let relations = rendered?["unsigned"]?["m.relations"]
                #expect(relations?["m.replace"]?["event_id"]?.stringValue == second)
                #expect(
                    relations?["m.replace"]?["content"]?["m.new_content"]?["body"] == "second")
                #expect(
                    relations?["m.reference"]?["chunk"] == [["event_id": .string(reference)]])
                let thread = relations?["m.thread"]
                #expect(thread?["count"] == 1)
                #expect(thread?["current_user_participated"] == true)
                #expect(thread?["latest_event"]?["event_id"]?.stringValue == reply)
                let inner = thread?["latest_event"]?["unsigned"]?["m.relations"]
                #expect(inner?["m.replace"]?["event_id"]?.stringValue == fixed)
                #expect(rendered?["content"]?["body"] == "root")
            }
            let answered = try await client.get(
                "relations/\(root)/m.thread", of: room, version: "v1", token: alice, on: loop)
            let child = answered.body["chunk"]?[0]?["unsigned"]?["m.relations"]
            #expect(child?["m.replace"]?["event_id"]?.stringValue == fixed)
            let plain = try await client.get("event/\(second)", of: room, token: alice, on: loop)
            #expect(plain.body["unsigned"]?["m.relations"] == nil)
        }
    }

    @Test func whoHasLeftLearnsNothingNew() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat"], on: loop)
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            let root = try await client.say("root", to: room, token: alice, on: loop)
            let early = try await client.edit(root, to: "early", in: room, token: alice, on: loop)
            _ = try await client.say(
                "reply", relating: Self.thread(root), to: room, token: alice, on: loop)
            _ = try await client.post("rooms/\(room)/leave", token: bob, on: loop)
            let late = try await client.edit(root, to: "late", in: room, token: alice, on: loop)
            _ = try await client.say(
                "secret", relating: Self.thread(root), to: room, token: alice, on: loop)
            for (token, edit, count) in [(bob, early, 1), (alice, late, 2)] {
                let event = try await client.get("event/\(root)", of: room, token: token, on: loop)
                let relations = event.body["unsigned"]?["m.relations"]
                #expect(relations?["m.replace"]?["event_id"]?.stringValue == edit)
                #expect(relations?["m.thread"]?["count"]?.intValue == Int64(count))
            }
            let relations = try await client.get(
                "relations/\(root)/m.thread", of: room, version: "v1", token: bob, on: loop)
            #expect(relations.ids().count == 1)
        }
    }
}

import JSON
import Reactor
import Testing

@testable import API

@Suite struct EventContextTests {
    @Test func anEventComesWithItsSurroundings() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let room = try await client.createRoom(token: alice, on: loop)
            var ids: [String] = []
            for index in 0..<9 {
                ids.append(
                    try await client.say("\(index)", to: room, token: alice, on: loop))
            }
            let answer = try await client.get(
                "context/\(ids[4])?limit=4", of: room, token: alice, on: loop)
            #expect(answer.status == 200)
            #expect(answer.body["event"]?["event_id"]?.stringValue == ids[4])
            #expect(answer.ids("events_before") == [ids[3], ids[2]])
            #expect(answer.ids("events_after") == [ids[5], ids[6]])
            let types = answer.body["state"]?.arrayValue?.compactMap { $0["type"]?.stringValue }
            #expect(types?.contains("m.room.create") == true)
            // The tokens lead on from there, without a gap and without a repetition.
            let start = try #require(answer.body["start"]?.stringValue)
            let back = try await client.get(
                "messages?dir=b&limit=2&from=\(start)", of: room, token: alice, on: loop)
            #expect(back.ids() == [ids[1], ids[0]])
            let end = try #require(answer.body["end"]?.stringValue)
            let on = try await client.get(
                "messages?dir=f&limit=5&from=\(end)", of: room, token: alice, on: loop)
            #expect(on.ids() == [ids[7], ids[8]])
            let alone = try await client.get(
                "context/\(ids[4])?limit=0", of: room, token: alice, on: loop)
            #expect(alone.ids("events_before") + alone.ids("events_after") == [])
            #expect(alone.body["event"]?["event_id"]?.stringValue == ids[4])
        }
    }

    @Test func theStateIsThatOfTheTimeAndTheFilterHolds() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice, ["preset": "public_chat", "name": "Old"], on: loop)
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            let event = try await client.say("then", to: room, token: alice, on: loop)
            _ = try await client.send([:], type: "m.other", to: room, token: alice, on: loop)
            try await client.set("m.room.name", ["name": "New"], in: room, token: alice, on: loop)
            let lazy = "%7B%22lazy_load_members%22:true,%22types%22:%5B%22m.room.*%22%5D%7D"
            let answer = try await client.get(
                "context/\(event)?limit=3&filter=\(lazy)", of: room, token: alice, on: loop)
            #expect(answer.status == 200)
            let state = answer.body["state"]?.arrayValue ?? []
            let members = state.filter { $0["type"] == "m.room.member" }
                .compactMap { $0["state_key"]?.stringValue }
            #expect(members.contains("@alice:test"))
            // The other event was filtered out, the change of name is the last that is shown.
            let after = answer.body["events_after"]?.arrayValue ?? []
            #expect(after.map { $0["type"] } == ["m.room.name"])
            let name = state.first { $0["type"] == "m.room.name" }
            #expect(name?["content"]?["name"] == "New")
            let before = try await client.get(
                "context/\(event)?limit=0", of: room, token: alice, on: loop)
            let old = before.body["state"]?.arrayValue?.first { $0["type"] == "m.room.name" }
            #expect(old?["content"]?["name"] == "Old")
            let quiet = try await client.get(
                "context/\(event)?limit=0&filter=\(lazy)", of: room, token: alice, on: loop)
            let quietMembers = quiet.body["state"]?.arrayValue?
                .filter { $0["type"] == "m.room.member" }.map { $0["state_key"] }
            #expect(quietMembers == ["@alice:test"])
        }
    }

    @Test func whoMayNotSeeTheEventGetsNothing() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let room = try await client.createRoom(
                token: alice,
                [
                    "preset": "public_chat",
                    "initial_state": [
                        [
                            "type": "m.room.history_visibility",
                            "content": ["history_visibility": "joined"],
                        ]
                    ],
                ], on: loop)
            let early = try await client.say("early", to: room, token: alice, on: loop)
            let outside = try await client.get(
                "context/\(early)", of: room, token: bob, on: loop)
            #expect(outside.code == "M_FORBIDDEN")
            _ = try await client.post("join/\(room)", token: bob, on: loop)
            let hidden = try await client.get("context/\(early)", of: room, token: bob, on: loop)
            #expect(hidden.status == 404)
            let late = try await client.say("late", to: room, token: alice, on: loop)
            let seen = try await client.get("context/\(late)", of: room, token: bob, on: loop)
            #expect(seen.status == 200)
            #expect(!seen.ids("events_before").contains(early))
            #expect(!seen.ids("events_before").isEmpty)
            let missing = try await client.get("context/$none", of: room, token: alice, on: loop)
            #expect(missing.code == "M_NOT_FOUND")
            let bad = [
                ("limit=-1", "M_INVALID_PARAM"), ("limit=x", "M_INVALID_PARAM"),
                ("filter=%7B", "M_NOT_JSON"),
                ("filter=%7B%22types%22:1%7D", "M_BAD_JSON"),
            ]
            for (query, code) in bad {
                let answer = try await client.get(
                    "context/\(late)?\(query)", of: room, token: alice, on: loop)
                #expect(answer.status == 400, "\(query)")
                #expect(answer.code == code, "\(query)")
            }
        }
    }
}

import JSON
import Reactor
import Storage
import Testing

@testable import Services

@Suite struct RoomsTests {
    @Test func peopleComeAndGo() throws {
        try withServices { services, loop in
            let rooms = services.rooms
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let room = try await rooms.create(
                ["name": "R"], creator: alice.sender(), on: loop
            ).roomID
            var codes: [String?] = []
            func attempt(_ body: () async throws -> Void) async {
                codes.append(await services.code(body))
            }
            await attempt {
                _ = try await rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            }
            await attempt { _ = try await services.send("hi", to: room, by: bob, on: loop) }
            try await rooms.change(
                .invite, of: bob.userID, in: room, reason: nil, sender: alice.sender(), on: loop)
            _ = try await rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            _ = try await services.send("hi", to: room, by: bob, on: loop)
            await attempt {
                try await rooms.change(
                    .kick, of: alice.userID, in: room, reason: nil, sender: bob.sender(),
                    on: loop)
            }
            await attempt {
                _ = try await rooms.send(
                    type: "m.room.name", stateKey: "", content: ["name": "B"], to: room,
                    sender: bob.sender(), on: loop)
            }
            try await rooms.change(
                .ban, of: bob.userID, in: room, reason: "spam", sender: alice.sender(), on: loop)
            await attempt { _ = try await services.send("hi", to: room, by: bob, on: loop) }
            await attempt {
                _ = try await rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            }
            #expect(codes == Array(repeating: "M_FORBIDDEN", count: 6))
            try await rooms.change(
                .unban, of: bob.userID, in: room, reason: nil, sender: alice.sender(), on: loop)
            let joined = try await rooms.joinedMembers(of: room, for: alice.userID, on: loop)
            #expect(joined.map(\.userID) == [alice.userID])
            #expect(joined.first?.profile.displayName == "alice")
            try await rooms.leave(room, reason: nil, sender: alice.sender(), on: loop)
            try await rooms.leave(room, reason: nil, sender: alice.sender(), on: loop)
            let left = try await rooms.joinedRooms(of: alice.userID, on: loop)
            #expect(left.isEmpty)
            try await rooms.forget(room, userID: alice.userID, on: loop)
        }
    }

    @Test func aTransactionIsDoneOnce() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create([:], creator: alice.sender(), on: loop)
                .roomID
            let tasks = (0..<10).map { _ in
                loop.spawn {
                    try? await services.send(
                        "once", to: room, by: alice, transaction: "t1", on: loop)
                }
            }
            var ids: Set<String> = []
            for task in tasks { ids.insert(try #require(await task.value)) }
            #expect(ids.count == 1)
            let other = try await services.send(
                "once", to: room, by: alice, transaction: "t2", on: loop)
            #expect(!ids.contains(other))
            let rendered = try await services.rooms.event(
                other, in: room, for: alice.owner, on: loop)
            let unsigned = try JSON(parsing: rendered)["unsigned"]
            #expect(unsigned?["transaction_id"] == "t2")
        }
    }

    @Test func equalStateIsNotSetTwice() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create([:], creator: alice.sender(), on: loop)
                .roomID
            var ids: [String] = []
            for name in ["A", "A", "B", "A"] {
                ids.append(
                    try await services.rooms.send(
                        type: "m.room.name", stateKey: "", content: ["name": .string(name)],
                        to: room, sender: alice.sender(), on: loop))
            }
            #expect(ids[0] == ids[1])
            #expect(Set(ids).count == 3)
            let event = try await services.rooms.stateEvent(
                type: "m.room.name", stateKey: "", of: room, for: alice.owner, on: loop)
            let json = try JSON(parsing: event)
            #expect(json["event_id"]?.stringValue == ids[3])
            #expect(json["unsigned"]?["prev_content"] == ["name": "B"])
            #expect(json["unsigned"]?["replaces_state"]?.stringValue == ids[2])
        }
    }

    @Test func redactedEventsLoseTheirContent() throws {
        try withServices { services, loop in
            let rooms = services.rooms
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let room = try await rooms.create(
                ["preset": "public_chat"], creator: alice.sender(), on: loop
            ).roomID
            _ = try await rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            let byAlice = try await services.send("secret", to: room, by: alice, on: loop)
            let byBob = try await services.send("mine", to: room, by: bob, on: loop)
            let refused = await services.code {
                _ = try await rooms.redact(
                    byAlice, in: room, content: [:], sender: bob.sender(), on: loop)
            }
            #expect(refused == "M_FORBIDDEN")
            let unknown = await services.code {
                _ = try await rooms.redact(
                    "$nothing", in: room, content: [:], sender: bob.sender(), on: loop)
            }
            #expect(unknown == "M_NOT_FOUND")
            for target in [byAlice, byBob] {
                let redaction = try await rooms.redact(
                    target, in: room, content: ["reason": "oops"],
                    sender: alice.sender("r" + target), on: loop)
                let event = try JSON(
                    parsing: try await rooms.event(target, in: room, for: bob.owner, on: loop))
                #expect(event["content"] == [:])
                let because = event["unsigned"]?["redacted_because"]
                #expect(because?["event_id"]?.stringValue == redaction)
                #expect(because?["content"]?["reason"] == "oops")
            }
        }
    }

    @Test func stateGroupsSayTheCurrentState() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create([:], creator: alice.sender(), on: loop)
                .roomID
            // Over the border at which a group holds all of the state again.
            for index in 0..<130 {
                _ = try await services.rooms.send(
                    type: "m.test", stateKey: "\(index % 7)",
                    content: ["n": .integer(Int64(index))], to: room, sender: alice.sender(),
                    on: loop)
            }
            let end = try #require(
                try await EventGraph.extremities(roomID: room, in: services.pool, on: loop).first)
            let group = try #require(end.stateGroup)
            let hops = try await StateGroups.hops(of: group, in: services.pool, on: loop)
            #expect(hops < StateGroups.hopsMax)
            let ofGroup = try await StateGroups.entries(of: group, in: services.pool, on: loop)
            let current = try await CurrentState.entries(
                roomID: room, in: services.pool, on: loop)
            #expect(Set(ofGroup.map(\.eventID)) == Set(current.map(\.eventID)))
            // A main process that starts anew builds on the same.
            services.rooms.rooms.forget(room)
            _ = try await services.send("after", to: room, by: alice, on: loop)
            let after = try #require(
                try await EventGraph.extremities(roomID: room, in: services.pool, on: loop).first)
            #expect(after.stateGroup == group)
            #expect(after.depth == end.depth + 1)
        }
    }
}

import JSON
import Matrix
import Reactor
import Testing

@testable import Services

/// Rooms of every version from being made to being read from the database again.
@Suite struct RoomVersionsTests {
    @Test(arguments: RoomVersion.allCases)
    func aRoomLivesAsItsVersionWants(version: RoomVersion) throws {
        try withServices { services, loop in
            let rooms = services.rooms
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let room = try await rooms.create(
                [
                    "room_version": .string(version.identifier), "name": "R",
                    "invite": [.string(bob.userID)], "preset": "private_chat",
                ], creator: alice.sender(), on: loop
            ).roomID
            _ = try await rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            let message = try await services.send("hello", to: room, by: bob, on: loop)
            let other = try await services.send("other", to: room, by: alice, on: loop)
            // As if the server had started again.
            rooms.rooms.forget(room)
            let refused = await services.code {
                _ = try await rooms.redact(
                    other, in: room, content: [:], sender: bob.sender(), on: loop)
            }
            #expect(refused == "M_FORBIDDEN")
            let redaction = try await rooms.redact(
                message, in: room, content: ["reason": "why"], sender: alice.sender(), on: loop)
            let redacted = try JSON(
                parsing: try await rooms.event(message, in: room, for: bob.owner, on: loop))
            let told = try JSON(
                parsing: try await rooms.event(redaction, in: room, for: bob.owner, on: loop))
            #expect(redacted["content"] == [:])
            #expect(redacted["unsigned"]?["redacted_because"]?["event_id"] == .string(redaction))
            #expect(told["redacts"] == .string(message))
            #expect(told["content"]?["redacts"] == .string(message))
            let state = try await rooms.state(of: room, for: alice.owner, on: loop)
                .map { try JSON(parsing: $0) }
            for event in state { #expect(event["room_id"] == .string(room)) }
            let create = try #require(state.first { $0["type"] == "m.room.create" })
            #expect(create["content"]?["room_version"] == .string(version.identifier))
            #expect((create["content"]?["creator"] != nil) == (version < .v11))
            #expect(RoomID(room)?.server == (version < .v12 ? ServerName("test") : nil))
            try await rooms.change(
                .ban, of: bob.userID, in: room, reason: nil, sender: alice.sender(), on: loop)
            let banned = await services.code {
                _ = try await rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            }
            #expect(banned == "M_FORBIDDEN")
        }
    }

    /// Whom a room of version 12 trusts is its creator too, and two rooms that are made at once are not
    /// one, though their identifiers are hashes.
    @Test func roomsOfVersionTwelve() throws {
        try withServices(clock: WallClock { 1_000 }) { services, loop in
            let rooms = services.rooms
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let request: JSON = [
                "room_version": "12", "preset": "trusted_private_chat",
                "invite": [.string(bob.userID)],
                "creation_content": ["additional_creators": ["@carol:test", "@bob:test"]],
            ]
            let room = try await rooms.create(request, creator: alice.sender(), on: loop).roomID
            let other = try await rooms.create(request, creator: alice.sender(), on: loop).roomID
            #expect(room != other)
            let create = try await rooms.stateEvent(
                type: "m.room.create", stateKey: "", of: room, for: alice.owner, on: loop)
            let creators = try JSON(parsing: create)["content"]?["additional_creators"]
            #expect(creators == ["@carol:test", "@bob:test"])
            _ = try await rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            _ = try await rooms.send(
                type: "m.room.tombstone", stateKey: "", content: ["body": "moved"], to: room,
                sender: bob.sender(), on: loop)
            // Creators cannot act against one another.
            let refused = await services.code {
                try await rooms.change(
                    .ban, of: alice.userID, in: room, reason: nil, sender: bob.sender(), on: loop)
            }
            #expect(refused == "M_FORBIDDEN")
        }
    }
}

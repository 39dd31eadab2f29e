import JSON
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

@Suite struct MessagesTests {
    private static func bodies(_ page: MessagesPage) throws -> [String] {
        try page.events.compactMap { try JSON(parsing: $0)["content"]?["body"]?.stringValue }
    }

    private static func page(
        _ services: MainServices, _ room: String, _ person: Person, from: String? = nil,
        isBackwards: Bool = true, limit: Int = 100, filter: JSON? = nil,
        on loop: isolated EventLoop
    ) async throws -> MessagesPage {
        try await services.rooms.messages(
            in: room,
            MessagesQuery(
                from: from, to: nil, isBackwards: isBackwards, limit: limit, filter: filter),
            for: person.owner, on: loop)
    }

    @Test func pagesCoverTheRoomOnce() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create([:], creator: alice.sender(), on: loop)
                .roomID
            for index in 0..<25 {
                _ = try await services.send("\(index)", to: room, by: alice, on: loop)
            }
            for isBackwards in [true, false] {
                var all: [String] = []
                var token: String?
                var pages = 0
                repeat {
                    let page = try await Self.page(
                        services, room, alice, from: token, isBackwards: isBackwards, limit: 7,
                        on: loop)
                    all += try Self.bodies(page)
                    token = page.end
                    pages += 1
                } while token != nil && pages < 20
                let expected = (0..<25).map { "\($0)" }
                #expect(all == (isBackwards ? expected.reversed() : expected))
            }
        }
    }

    @Test func aTokenOfSyncIsAPlaceToStart() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create([:], creator: alice.sender(), on: loop)
                .roomID
            _ = try await services.send("before", to: room, by: alice, on: loop)
            let position = services.streams.position(of: .events)
            _ = try await services.send("after", to: room, by: alice, on: loop)
            for token in ["s\(position)", "s\(position)_0_1_2_3_4_5_6"] {
                let back = try await Self.page(services, room, alice, from: token, on: loop)
                #expect(try Self.bodies(back) == ["before"])
                let forth = try await Self.page(
                    services, room, alice, from: token, isBackwards: false, on: loop)
                #expect(try Self.bodies(forth) == ["after"])
            }
            let code = await services.code {
                _ = try await Self.page(services, room, alice, from: "x1", on: loop)
            }
            #expect(code == "M_INVALID_PARAM")
        }
    }

    @Test func whoLeftReadsUpToThere() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let carol = try await services.register("carol", on: loop)
            let room = try await services.rooms.create(
                ["preset": "public_chat"], creator: alice.sender(), on: loop
            ).roomID
            _ = try await services.send("one", to: room, by: alice, on: loop)
            _ = try await services.rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            _ = try await services.send("two", to: room, by: alice, on: loop)
            try await services.rooms.leave(room, reason: nil, sender: bob.sender(), on: loop)
            _ = try await services.send("three", to: room, by: alice, on: loop)
            let page = try await Self.page(services, room, bob, on: loop)
            #expect(try Self.bodies(page) == ["two", "one"])
            let stranger = await services.code {
                _ = try await Self.page(services, room, carol, on: loop)
            }
            #expect(stranger == "M_FORBIDDEN")
        }
    }

    @Test(arguments: [
        ("shared", ["3", "2", "1"]), ("invited", ["3", "2"]), ("joined", ["3"]),
        ("world_readable", ["3", "2", "1"]),
    ])
    func historyIsAsVisibleAsTheRoomSays(visibility: String, expected: [String]) throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let bob = try await services.register("bob", on: loop)
            let room = try await services.rooms.create(
                [
                    "initial_state": [
                        [
                            "type": "m.room.history_visibility",
                            "content": ["history_visibility": .string(visibility)],
                        ]
                    ]
                ], creator: alice.sender(), on: loop
            ).roomID
            _ = try await services.send("1", to: room, by: alice, on: loop)
            try await services.rooms.change(
                .invite, of: bob.userID, in: room, reason: nil, sender: alice.sender(), on: loop)
            _ = try await services.send("2", to: room, by: alice, on: loop)
            _ = try await services.rooms.join(room, reason: nil, sender: bob.sender(), on: loop)
            _ = try await services.send("3", to: room, by: alice, on: loop)
            let page = try await Self.page(services, room, bob, on: loop)
            #expect(try Self.bodies(page) == expected)
        }
    }

    @Test func filtersAndMembersAreHonoured() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create([:], creator: alice.sender(), on: loop)
                .roomID
            _ = try await services.send("hello", to: room, by: alice, on: loop)
            let page = try await Self.page(
                services, room, alice,
                filter: ["types": ["m.room.message"], "lazy_load_members": true], on: loop)
            #expect(page.events.count == 1)
            #expect(page.state.count == 1)
            let bad = await services.code {
                _ = try await Self.page(
                    services, room, alice, filter: ["types": "m.room.message"], on: loop)
            }
            #expect(bad == "M_BAD_JSON")
        }
    }
}

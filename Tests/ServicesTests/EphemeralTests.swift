import JSON
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

@Suite struct EphemeralTests {
    @Test func typingEndsByItselfAndIsAnnouncedOnChange() throws {
        let loop = try EventLoop()
        let box = Box<[[String]]>()
        loop.submit { loop in
            let hub = StreamHub()
            let listener = Listener()
            hub.subscribe(listener, on: loop)
            let typing = Typing(publisher: hub)
            typing.start(userID: "@a:x", roomID: "!r:x", timeout: .seconds(60), on: loop)
            typing.start(userID: "@a:x", roomID: "!r:x", timeout: .seconds(60), on: loop)
            typing.start(userID: "@b:x", roomID: "!r:x", timeout: .milliseconds(1), on: loop)
            await listener.wait(for: 3, on: loop)
            typing.stop(userID: "@a:x", roomID: "!r:x", on: loop)
            typing.stop(userID: "@a:x", roomID: "!r:x", on: loop)
            #expect(typing.serial == 4)
            #expect(typing.changes(after: 3, on: loop).map(\.roomID) == ["!r:x"])
            #expect(typing.changes(after: 4, on: loop).isEmpty)
            #expect(hub.position(of: .typing) == 4)
            box.set(
                listener.rows.compactMap { item in
                    guard case .typing(let row) = item.row else { return nil }
                    return row.userIDs
                })
            loop.stop()
        }
        loop.run()
        #expect(box.value == [["@a:x"], ["@a:x", "@b:x"], ["@a:x"], []])
    }

    @Test func receiptsAreAnnouncedWhenTheyMove() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create([:], creator: alice.sender(), on: loop)
                .roomID
            let first = try await services.send("1", to: room, by: alice, on: loop)
            let second = try await services.send("2", to: room, by: alice, on: loop)
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            for event in [second, first, second] {
                try await services.receipts.receive(
                    type: "m.read", roomID: room, userID: alice.userID, eventID: event,
                    threadID: nil, on: loop)
            }
            try await services.receipts.receive(
                type: "m.fully_read", roomID: room, userID: alice.userID, eventID: first,
                threadID: nil, on: loop)
            #expect(listener.rows.map(\.stream) == [.receipts, .accountData])
            guard case .receipt(let row) = listener.rows[0].row else { return }
            #expect(row.eventID == second)
            #expect(try JSON(parsing: row.data ?? "")["ts"]?.intValue != nil)
            let marker = try await services.accountData.content(
                type: "m.fully_read", userID: alice.userID, roomID: room, on: loop)
            #expect(try JSON(parsing: marker) == ["event_id": .string(first)])
        }
    }

    @Test func accountDataIsAnnouncedInOrder() throws {
        try withServices { services, loop in
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            let tasks = (0..<30).map { index in
                loop.spawn {
                    try? await services.accountData.put(
                        ["n": .integer(Int64(index))], type: "t\(index)", userID: "@a:test",
                        roomID: index % 2 == 0 ? nil : "!r:test", on: loop)
                }
            }
            for task in tasks { await task.value }
            #expect(listener.rows.count == 30)
            let tokens = listener.rows.map(\.token)
            #expect(tokens == tokens.sorted())
            #expect(services.streams.position(of: .accountData) == tokens.last)
            let reserved = await services.code {
                try await services.accountData.put(
                    [:], type: "m.push_rules", userID: "@a:test", roomID: nil, on: loop)
            }
            #expect(reserved == "M_BAD_JSON")
        }
    }

    @Test func tagsAreAnnouncedWhole() throws {
        try withServices { services, loop in
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            try await services.accountData.setTag(
                "m.favourite", content: ["order": 0.5], userID: "@a:test", roomID: "!r:test",
                on: loop)
            try await services.accountData.setTag(
                "u.\"x\"", content: [:], userID: "@a:test", roomID: "!r:test", on: loop)
            #expect(listener.rows.map(\.stream) == [.tagAccountData, .tagAccountData])
            guard case .tagAccountData(let row) = listener.rows[1].row else { return }
            let announced = try JSON(parsing: row.data ?? "")
            #expect(announced["m.favourite"]?["order"] == 0.5)
            #expect(announced["u.\"x\""] == [:])
            let tags = try await services.accountData.tags(
                userID: "@a:test", roomID: "!r:test", on: loop)
            let json = try JSON(parsing: tags)
            #expect(json["tags"]?["m.favourite"]?["order"] == 0.5)
            #expect(json["tags"]?["u.\"x\""] == [:])
        }
    }

    @Test func aChangedProfileShowsInRooms() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let room = try await services.rooms.create([:], creator: alice.sender(), on: loop)
                .roomID
            try await services.profiles.change(sender: alice.sender(), on: loop) {
                $0.displayName = "Alice!"
            }
            let profile = try await services.profiles.profile(of: alice.userID, on: loop)
            #expect(profile.displayName == "Alice!")
            let members = try await services.rooms.joinedMembers(
                of: room, for: alice.userID, on: loop)
            #expect(members.first?.profile.displayName == "Alice!")
        }
    }
}

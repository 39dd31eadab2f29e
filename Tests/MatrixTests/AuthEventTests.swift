import JSON
import Matrix
import Testing

private let creator: UserID = "@creator:a"
private let bob: UserID = "@bob:b"

@Suite struct AuthEvents {
    private let basic: [StateKey] = [.create, .powerLevels, .member(bob)]

    private func places(
        _ type: String, key: String? = nil, _ content: JSON.Object = [:],
        version: RoomVersion = .v10
    ) -> Set<StateKey> {
        let places = AuthRules.authEventPlaces(
            type: type, stateKey: key, sender: bob, content: content, version: version)
        #expect(Set(places).count == places.count)
        return Set(places)
    }

    @Test func selection() {
        #expect(places("m.room.create", key: "") == [])
        #expect(places("m.room.message") == Set(basic))
        #expect(places("m.room.topic", key: "") == Set(basic))
        let carol = StateKey("m.room.member", "@carol:c")
        func member(_ content: JSON.Object, version: RoomVersion = .v10) -> Set<StateKey> {
            places("m.room.member", key: carol.key, content, version: version)
        }
        #expect(member(["membership": "leave"]) == Set(basic + [carol]))
        for membership in ["join", "invite", "knock"] as [JSON] {
            #expect(member(["membership": membership]) == Set(basic + [carol, .joinRules]))
        }
        let own = places("m.room.member", key: bob.text, ["membership": "join"])
        #expect(own == Set(basic + [.joinRules]))
        #expect(
            member(["membership": "invite", "third_party_invite": ["signed": ["token": "t"]]])
                == Set(basic + [carol, .joinRules, StateKey("m.room.third_party_invite", "t")]))
        let restricted: JSON.Object = [
            "membership": "join", "join_authorised_via_users_server": "@dave:d",
        ]
        let dave = StateKey("m.room.member", "@dave:d")
        #expect(member(restricted) == Set(basic + [carol, .joinRules, dave]))
        #expect(member(restricted, version: .v7) == Set(basic + [carol, .joinRules]))
        #expect(places("m.x", version: .v12) == Set(basic.dropFirst()))
    }

    @Test func theRightAuthEventsPass() throws {
        let room = RoomFixture()
        let event = room.event("m.x", sender: creator)
        let named = AuthRules.authEventPlaces(for: event).compactMap { room.state[$0] }
        #expect(named.count == 3)
        try AuthRules.checkAuthEvents(of: event, named)
    }

    /// Room version 12, rule 3.2: the create event goes without saying.
    @Test func theCreateEventIsNoAuthEventFromTwelveOn() throws {
        let room = RoomFixture(version: .v12)
        let event = room.event("m.x", sender: creator)
        let named = AuthRules.authEventPlaces(for: event).compactMap { room.state[$0] }
        #expect(named.count == 2)
        try AuthRules.checkAuthEvents(of: event, named)
        let create = try #require(room.state[.create])
        #expect(throws: AuthError(rule: "2.2", reason: "an auth event for \(StateKey.create)")) {
            try AuthRules.checkAuthEvents(of: event, named + [create])
        }
        #expect(AuthRules.statePlaces(for: event).contains(.create))
    }

    @Test func wrongAuthEventsAreRefused() throws {
        var room = RoomFixture()
        let event = room.event("m.x", sender: creator)
        let create = try #require(room.state[.create])
        let levels = try #require(room.state[.powerLevels])
        func rule(_ events: [Event], isRejected: (Event) -> Bool = { _ in false }) -> String? {
            do {
                try AuthRules.checkAuthEvents(of: event, events, isRejected: isRejected)
                return nil
            } catch {
                return error.rule
            }
        }
        #expect(rule([create, levels]) == nil)
        #expect(rule([create, levels, levels]) == "2.1")
        #expect(rule([create, try #require(room.state[.joinRules])]) == "2.2")
        #expect(rule([create, room.event("m.x", sender: creator)]) == "2.2")
        #expect(rule([create, levels], isRejected: { $0 === levels }) == "2.3")
        #expect(rule([levels]) == "2.4")
        var elsewhere = levels.json
        elsewhere["room_id"] = "!elsewhere:a"
        #expect(rule([create, try Event(json: elsewhere, version: .v10)]) == "2.5")
        room.state[.create] = nil
        #expect(throws: AuthError.self) { try AuthRules.check(event, against: room.state) }
    }
}

import JSON
import Matrix
import Testing

private let creator: UserID = "@creator:a"
private let bob: UserID = "@bob:b"

@Suite struct Visibility {
    @Test(
        arguments: [
            (.worldReadable, .leave, false, true), (.worldReadable, .ban, false, true),
            (.shared, .join, false, true), (.shared, .leave, false, false),
            (.shared, .leave, true, true), (.shared, .invite, false, false),
            (.shared, .invite, true, true), (.invited, .invite, false, true),
            (.invited, .join, false, true), (.invited, .leave, true, false),
            (.invited, .knock, true, false), (.joined, .join, false, true),
            (.joined, .invite, true, false), (.joined, .leave, true, false),
        ] as [(HistoryVisibility, Membership, Bool, Bool)])
    func rule(_ visibility: HistoryVisibility, _ then: Membership, since: Bool, allowed: Bool) {
        #expect(visibility.allows(membership: then, joinedSince: since) == allowed)
    }

    @Test func aChangeIsVisibleFromEitherSide() {
        func allows(
            _ before: (HistoryVisibility, Membership), _ after: (HistoryVisibility, Membership)
        ) -> Bool {
            HistoryVisibility.allows(before: before, after: after, joinedSince: false)
        }
        #expect(allows((.worldReadable, .leave), (.joined, .leave)))
        #expect(allows((.joined, .leave), (.worldReadable, .leave)))
        #expect(allows((.joined, .leave), (.joined, .join)))
        #expect(allows((.joined, .join), (.joined, .ban)))
        #expect(!allows((.joined, .leave), (.joined, .invite)))
    }

    @Test func unknownVisibilityIsShared() {
        let room = RoomFixture()
        func visibility(_ content: JSON.Object) -> HistoryVisibility {
            HistoryVisibility(
                room.event("m.room.history_visibility", key: "", sender: creator, content))
        }
        #expect(HistoryVisibility(nil) == .shared)
        #expect(visibility([:]) == .shared)
        #expect(visibility(["history_visibility": "x"]) == .shared)
        #expect(visibility(["history_visibility": 1]) == .shared)
        #expect(visibility(["history_visibility": "joined"]) == .joined)
    }
}

@Suite struct Creation {
    private func content(
        _ events: [RoomCreation.InitialEvent], _ type: String, _ key: String = ""
    ) -> JSON.Object? {
        events.last { $0.place == StateKey(type, key) }?.content
    }

    @Test(
        arguments: [
            (.privateChat, "invite", "can_join"), (.trustedPrivateChat, "invite", "can_join"),
            (.publicChat, "public", "forbidden"),
        ] as [(RoomCreation.Preset, JSON, JSON)])
    func presets(preset: RoomCreation.Preset, joinRule: JSON, guestAccess: JSON) {
        var creation = RoomCreation(version: .v10, creator: creator, preset: preset)
        creation.invitees = [bob]
        let events = creation.events
        #expect(
            events.map(\.type) == [
                "m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules",
                "m.room.history_visibility", "m.room.guest_access", "m.room.member",
            ])
        #expect(
            content(events, "m.room.create") == ["creator": creator.json, "room_version": "10"])
        #expect(content(events, "m.room.member", creator.text) == ["membership": "join"])
        #expect(content(events, "m.room.join_rules") == ["join_rule": joinRule])
        #expect(content(events, "m.room.guest_access") == ["guest_access": guestAccess])
        #expect(
            content(events, "m.room.history_visibility") == ["history_visibility": "shared"])
        let users = content(events, "m.room.power_levels")?["users"]
        #expect(users?[creator.text] == 100)
        #expect(users?[bob.text] == (preset == .trustedPrivateChat ? 100 : nil))
        #expect(content(events, "m.room.member", bob.text) == ["membership": "invite"])
    }

    @Test func everythingInItsOrder() {
        var creation = RoomCreation(version: .v10, creator: creator, preset: .privateChat)
        creation.creationContent = ["m.federate": false, "room_version": "1", "creator": "@x:y"]
        creation.creatorProfile = ["displayname": "C", "membership": "ban"]
        creation.powerLevelOverride = ["invite": 50, "users": ["@bob:b": 5]]
        creation.canonicalAlias = RoomAlias("#alias:a")
        creation.initialState = [
            .init("m.room.join_rules", content: ["join_rule": "knock"]),
            .init("m.room.encryption", content: ["algorithm": "x"]),
            .init("m.room.create", content: [:]),
        ]
        creation.name = "N"
        creation.topic = "T"
        creation.invitees = [bob]
        creation.isDirect = true
        let events = creation.events
        #expect(
            events.map(\.type) == [
                "m.room.create", "m.room.member", "m.room.power_levels",
                "m.room.canonical_alias", "m.room.history_visibility", "m.room.guest_access",
                "m.room.join_rules", "m.room.encryption", "m.room.name", "m.room.topic",
                "m.room.member",
            ])
        #expect(
            content(events, "m.room.create")
                == ["creator": creator.json, "room_version": "10", "m.federate": false])
        #expect(
            content(events, "m.room.member", creator.text)
                == ["membership": "join", "displayname": "C"])
        let levels = content(events, "m.room.power_levels")
        #expect(levels?["invite"] == 50)
        #expect(levels?["users"] == ["@bob:b": 5])
        #expect(levels?["ban"] == 50)
        #expect(content(events, "m.room.canonical_alias") == ["alias": "#alias:a"])
        #expect(content(events, "m.room.join_rules") == ["join_rule": "knock"])
        #expect(content(events, "m.room.name") == ["name": "N"])
        #expect(content(events, "m.room.topic")?["topic"] == "T")
        #expect(
            content(events, "m.room.member", bob.text)
                == ["membership": "invite", "is_direct": true])
    }

    /// What the presets make must satisfy the auth rules, event by event.
    @Test(arguments: RoomCreation.Preset.allCases)
    func theEventsOfAPresetAreAllowed(preset: RoomCreation.Preset) throws {
        var creation = RoomCreation(version: .v10, creator: creator, preset: preset)
        creation.name = "N"
        creation.topic = "T"
        creation.canonicalAlias = RoomAlias("#alias:a")
        creation.invitees = [bob]
        let room = RoomFixture()
        var state: StateMap<Event> = [:]
        var previous: [EventID] = []
        for initial in creation.events {
            let event = room.event(
                initial.type, key: initial.stateKey, sender: creator, initial.content,
                after: previous)
            try AuthRules.check(event, against: state)
            let named = AuthRules.authEventPlaces(for: event).compactMap { state[$0] }
            try AuthRules.checkAuthEvents(of: event, named)
            state[initial.place] = event
            previous = [event.eventID]
        }
        #expect(state.count == 10)
    }

    @Test func laterVersionsNameTheCreatorOtherwise() {
        let eleven = RoomCreation(version: .v11, creator: creator, preset: .privateChat)
        #expect(eleven.createContent == ["room_version": "11"])
        let twelve = RoomCreation(version: .v12, creator: creator, preset: .privateChat)
        #expect(twelve.powerLevels["users"] == [:])
        #expect(twelve.powerLevels["events"]?["m.room.tombstone"] == 150)
    }
}

import JSON
import Matrix
import Testing

private let creator: UserID = "@creator:a"
private let alice: UserID = "@alice:a"
private let bob: UserID = "@bob:b"

/// Where room versions differ: which rule refuses an event, from which version on.
@Suite struct AuthRulesByVersion {
    /// Each rule is for the versions from the one named on to the next that is.
    private func expect(
        _ rules: [RoomVersion: String?], signedBy signers: Set<ServerName> = [],
        location: SourceLocation = #_sourceLocation,
        _ arrange: @escaping @Sendable (inout RoomFixture) -> Event
    ) {
        let authCase = AuthCase("", signedBy: signers, arrange)
        var rule: String?
        for version in RoomVersion.allCases {
            if let next = rules[version] { rule = next }
            #expect(
                authCase.brokenRule(version: version) == rule,
                "room version \(version.identifier)", sourceLocation: location)
        }
    }

    @Test func allVersionsAreSupported() {
        #expect(RoomVersion.supported == RoomVersion.allCases)
        expect([.v1: nil]) { $0.event("m.x", sender: creator) }
    }

    @Test func creatorsNeedNotBeNamedFromElevenOn() {
        expect([.v1: "1.4", .v11: nil]) {
            $0.event("m.room.create", key: "", sender: creator, after: [])
        }
        expect([.v1: "4.3.4", .v11: nil]) { room in
            room.set(EventType.create, sender: creator, [:])
            let create = room.state[.create]!
            room.state = [.create: create]
            return room.membership("join", of: creator, by: creator, after: [create.eventID])
        }
    }

    /// Room version 12, rules 1.2 and 2.
    @Test func theCreateEventIsTheRoomFromTwelveOn() throws {
        expect([.v1: "1.2", .v12: nil]) {
            $0.event("m.room.create", key: "", sender: bob, ["creator": 1], after: [])
        }
        expect([.v1: "2.4", .v12: "v12/2"]) {
            $0.state[.create] = nil
            return $0.event("m.x", sender: creator)
        }
        expect([.v1: nil, .v12: "v12/2"]) {
            // Another create event of the same creator.
            let message = $0.event("m.x", sender: creator)
            $0.set(EventType.create, sender: creator, ["creator": creator.json, "x": 1])
            return message
        }
        let room = RoomFixture(version: .v12)
        var json = room.state[.create]!.json
        json["room_id"] = room.roomID.json
        let named = try Event(json: json, version: .v12)
        #expect(throws: AuthError(rule: "v12/1.2", reason: "a create event names a room")) {
            try AuthRules.check(named, against: [:])
        }
    }

    /// Room version 12, rule 1.4.
    @Test(
        arguments: [
            (["@bob:b"], nil), ([], nil), ("@bob:b", "v12/1.4"), (["bob"], "v12/1.4"),
            ([1], "v12/1.4"), (.null, "v12/1.4"),
        ] as [(JSON, String?)])
    func additionalCreatorsAreUsersFromTwelveOn(creators: JSON, rule: String?) {
        expect([.v1: nil, .v12: rule]) {
            $0.event(
                "m.room.create", key: "", sender: creator,
                ["creator": 1, "additional_creators": creators], after: [])
        }
    }

    /// Room version 12, rule 10.4 and the power of creators.
    @Test func creatorsOutrankAllFromTwelveOn() {
        for named in [creator, bob] {
            expect([.v1: nil, .v12: "v12/10.4"]) {
                $0.set(
                    EventType.create, sender: creator,
                    ["creator": creator.json, "additional_creators": [bob.json]])
                return $0.event(
                    "m.room.power_levels", key: "", sender: creator,
                    ["users": [named.text: 1]])
            }
        }
        // An additional creator may do anything, though no level says so, but must be invited.
        expect([.v1: "7", .v12: nil]) {
            $0.set(
                EventType.create, sender: creator,
                ["creator": creator.json, "additional_creators": [bob.json]])
            $0.join(bob)
            return $0.event("m.room.tombstone", key: "", sender: bob)
        }
        expect([.v1: "4.3.4"]) { room in
            room.set(
                EventType.create, sender: creator,
                ["creator": creator.json, "additional_creators": [bob.json]])
            let create = room.state[.create]!
            room.state = [.create: create]
            return room.membership("join", of: bob, by: bob, after: [create.eventID])
        }
        // No level is above theirs.
        expect([.v1: "9.5.2", .v12: nil]) {
            $0.event(
                "m.room.power_levels", key: "", sender: creator,
                ["users": [alice.text: 1_000], "ban": .integer((1 << 53) - 1)])
        }
        expect([.v1: "4.6.3", .v12: nil]) {
            $0.level(of: bob, 100)
            return $0.membership("ban", of: bob, by: creator)
        }
        expect([.v1: "4.6.3"]) {
            $0.set(
                EventType.create, sender: creator,
                ["creator": creator.json, "additional_creators": [bob.json]])
            if $0.version < .v12 { $0.level(of: bob, 100) }
            return $0.membership("ban", of: bob, by: creator)
        }
    }

    /// Room versions 1 to 5, rule 4.
    @Test func aliasesHaveTheirRulesUntilFive() {
        expect([.v1: nil, .v6: "5"]) { $0.event("m.room.aliases", key: "b", sender: bob) }
        expect([.v1: "v1/4.2", .v6: "5"]) { $0.event("m.room.aliases", key: "a", sender: bob) }
        expect([.v1: "v1/4.1", .v6: "5"]) { $0.event("m.room.aliases", sender: bob) }
        expect([.v1: "v1/4.2", .v6: nil]) {
            $0.event("m.room.aliases", key: "x", sender: creator)
        }
    }

    /// Room versions 1 and 2, rule 11.
    @Test func redactionsHaveARuleUntilTwo() throws {
        @Sendable func redaction(
            _ room: RoomFixture, of target: EventID, by sender: UserID
        ) -> Event {
            var builder = EventBuilder(
                version: room.version, roomID: room.roomID, type: EventType.redaction,
                sender: sender, content: [:], redacts: target)
            builder.previousEventIDs = []
            return try! builder.build(signingWith: RoomFixture.key)
        }
        expect([.v1: nil]) {
            $0.join(bob)
            return redaction($0, of: "$event:b", by: bob)
        }
        expect([.v1: "v1/11", .v3: nil]) {
            $0.join(bob)
            return redaction($0, of: "$event:a", by: bob)
        }
        expect([.v1: "v1/11", .v3: nil]) {
            $0.join(bob)
            return $0.event(EventType.redaction, sender: bob)
        }
        expect([.v1: nil]) { redaction($0, of: "$event:c", by: creator) }
    }

    @Test func notificationLevelsAreCheckedFromSixOn() {
        expect([.v1: nil, .v6: "9.7.1"]) {
            $0.join(bob)
            $0.level(of: bob, 60)
            $0.levels { $0["events"]!["m.room.power_levels"] = 60 }
            var content = $0.state[.powerLevels]!.content
            content["notifications"] = ["room": 61]
            return $0.event("m.room.power_levels", key: "", sender: bob, content)
        }
    }

    @Test func knockingComesWithSeven() {
        expect([.v1: "4.8", .v7: nil]) {
            $0.joinRule("knock")
            return $0.membership("knock", of: bob, by: bob)
        }
        expect([.v1: "4.3.7", .v7: nil]) {
            $0.joinRule("knock")
            $0.member(bob, "invite")
            return $0.membership("join", of: bob, by: bob)
        }
        expect([.v1: "4.5.1", .v7: nil]) {
            $0.member(bob, "knock")
            return $0.membership("leave", of: bob, by: bob)
        }
        expect([.v1: "4.8", .v7: "4.7.1", .v10: nil]) {
            $0.joinRule("knock_restricted")
            return $0.membership("knock", of: bob, by: bob)
        }
    }

    @Test func restrictedJoinsComeWithEightAndTen() {
        for (joinRule, first) in [("restricted", RoomVersion.v8), ("knock_restricted", .v10)] {
            expect([.v1: "4.3.7", first: nil], signedBy: ["a"]) {
                $0.joinRule(joinRule)
                return $0.membership(
                    "join", of: bob, by: bob, ["join_authorised_via_users_server": creator.json])
            }
        }
        expect([.v1: nil, .v8: "4.2.1"]) {
            $0.joinRule("public")
            return $0.membership(
                "join", of: bob, by: bob, ["join_authorised_via_users_server": creator.json])
        }
    }

    /// In state resolution signatures were checked long before.
    @Test func signaturesThatWereCheckedBeforeAreNotAskedFor() throws {
        var room = RoomFixture(version: .v11)
        room.joinRule("restricted")
        let join = room.membership(
            "join", of: bob, by: bob, ["join_authorised_via_users_server": creator.json])
        try AuthRules.check(join, against: room.state, signedBy: nil)
        #expect(throws: AuthError.self) { try AuthRules.check(join, against: room.state) }
    }

    @Test func powerLevelsMustBeIntegersFromTenOn() {
        expect([.v1: nil, .v10: "9.1"]) {
            $0.event(
                "m.room.power_levels", key: "", sender: creator,
                ["ban": "50", "users": [creator.text: " +0100 "]])
        }
        for text in ["x", "1.5", "1 0", ""] {
            expect([.v1: "9.3"]) {
                $0.event(
                    "m.room.power_levels", key: "", sender: creator,
                    ["users": [bob.text: .string(text)]])
            }
        }
        // Doubles are no JSON for events from room version 6 on, but until then cut off.
        let fraction = RoomFixture(version: .v5).event(
            "m.room.power_levels", key: "", sender: creator,
            ["users": [creator.text: 100, bob.text: 50.57]])
        let levels = PowerLevels(fraction.content, creators: [creator], version: .v5)
        #expect(levels.level(of: bob) == 50)
    }
}

import JSON
import Matrix
import Testing

private let creator: UserID = "@creator:a"
private let bob: UserID = "@bob:b"

/// Where room versions differ: a rule, or none, for each of 6 to 11.
@Suite struct AuthRulesByVersion {
    private func broken(_ authCase: AuthCase) -> [String?] {
        RoomVersion.supported.map { authCase.brokenRule(version: $0) }
    }

    @Test func unsupportedVersionsAreRefused() {
        for version in [RoomVersion.v3, .v5] {
            let allowed = AuthCase("") { $0.event("m.x", sender: creator) }
            #expect(allowed.brokenRule(version: version) == "-")
        }
    }

    @Test func creatorsNeedNotBeNamedFromEleven() {
        let unnamed = AuthCase("") {
            $0.event("m.room.create", key: "", sender: creator, after: [])
        }
        #expect(broken(unnamed) == ["1.4", "1.4", "1.4", "1.4", "1.4", nil])
        let first = AuthCase("") { room in
            room.set(EventType.create, sender: creator, [:])
            let create = room.state[.create]!
            room.state = [.create: create]
            return room.membership("join", of: creator, by: creator, after: [create.eventID])
        }
        #expect(broken(first) == ["4.3.4", "4.3.4", "4.3.4", "4.3.4", "4.3.4", nil])
    }

    @Test func knockingComesWithSeven() {
        let knock = AuthCase("") {
            $0.joinRule("knock")
            return $0.membership("knock", of: bob, by: bob)
        }
        #expect(broken(knock) == ["4.8", nil, nil, nil, nil, nil])
        let invited = AuthCase("") {
            $0.joinRule("knock")
            $0.member(bob, "invite")
            return $0.membership("join", of: bob, by: bob)
        }
        #expect(broken(invited) == ["4.3.7", nil, nil, nil, nil, nil])
        let withdrawn = AuthCase("") {
            $0.member(bob, "knock")
            return $0.membership("leave", of: bob, by: bob)
        }
        #expect(broken(withdrawn) == ["4.5.1", nil, nil, nil, nil, nil])
    }

    @Test(arguments: [
        ("restricted", ["4.3.7", "4.3.7", nil, nil, nil, nil]),
        ("knock_restricted", ["4.3.7", "4.3.7", "4.3.7", "4.3.7", nil, nil]),
    ])
    func restrictedJoinsComeWithEightAndTen(joinRule: String, expected: [String?]) {
        let vouched = AuthCase("", signedBy: ["a"]) {
            $0.joinRule(joinRule)
            return $0.membership(
                "join", of: bob, by: bob, ["join_authorised_via_users_server": creator.json])
        }
        #expect(broken(vouched) == expected)
    }

    @Test func powerLevelsMustBeIntegersFromTen() {
        let texts = AuthCase("") {
            $0.event(
                "m.room.power_levels", key: "", sender: creator,
                ["ban": "50", "users": [creator.text: "100"]])
        }
        #expect(broken(texts) == [nil, nil, nil, nil, "9.1", "9.1"])
    }
}

import JSON
import Matrix
import Testing

private let creator: UserID = "@creator:a"
private let alice: UserID = "@alice:a"
private let bob: UserID = "@bob:b"
private let carol: UserID = "@carol:c"

/// An event held against a room, and the rule that must refuse it, if one must.
struct AuthCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let rule: String?
    var signers: Set<ServerName> = []
    /// The versions in which this is so.
    let versions: ClosedRange<RoomVersion>
    let arrange: @Sendable (inout RoomFixture) -> Event

    init(
        _ description: String, denies rule: String? = nil,
        in versions: ClosedRange<RoomVersion> = .v1 ... .v12,
        signedBy signers: Set<ServerName> = [],
        _ arrange: @escaping @Sendable (inout RoomFixture) -> Event
    ) {
        testDescription = description
        self.rule = rule
        self.signers = signers
        self.versions = versions
        self.arrange = arrange
    }

    func run() {
        for version in RoomVersion.allCases where versions.contains(version) {
            #expect(brokenRule(version: version) == rule, "room version \(version.identifier)")
        }
    }

    /// The rule that refuses the event in a room of this version.
    func brokenRule(version: RoomVersion) -> String? {
        var room = RoomFixture(version: version)
        let event = arrange(&room)
        do {
            try AuthRules.check(event, against: room.state, signedBy: signers)
            return nil
        } catch {
            return error.rule
        }
    }
}

extension RoomFixture {
    func membership(
        _ membership: String, of target: UserID, by sender: UserID, _ more: JSON.Object = [:],
        after previous: [EventID] = ["$previous"]
    ) -> Event {
        event(
            EventType.member, key: target.text, sender: sender,
            more.merging(["membership": .string(membership)]), after: previous)
    }
}

@Suite struct AuthRulesOfEvents {
    @Test(arguments: [
        AuthCase("create") {
            $0.event("m.room.create", key: "", sender: creator, ["creator": 1], after: [])
        },
        AuthCase("create with previous events", denies: "1.1") {
            $0.event("m.room.create", key: "", sender: creator, ["creator": 1])
        },
        AuthCase("create on another server", denies: "1.2", in: .v1 ... .v11) {
            $0.event("m.room.create", key: "", sender: bob, ["creator": 1], after: [])
        },
        AuthCase("create of an unknown version", denies: "1.3") {
            $0.event(
                "m.room.create", key: "", sender: creator, ["creator": 1, "room_version": "99"],
                after: [])
        },
        AuthCase("create of a version that is no text", denies: "1.3") {
            $0.event(
                "m.room.create", key: "", sender: creator, ["creator": 1, "room_version": 10],
                after: [])
        },
        AuthCase("create without creator", denies: "1.4", in: .v1 ... .v10) {
            $0.event("m.room.create", key: "", sender: creator, after: [])
        },
        AuthCase("no create event", denies: "2.4", in: .v1 ... .v11) {
            $0.state[.create] = nil
            return $0.event("m.x", sender: creator)
        },
        AuthCase("unfederated room, other server", denies: "3") {
            $0.set(
                "m.room.create", sender: creator, ["creator": creator.json, "m.federate": false])
            $0.joinRule("public")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("unfederated room, same server") {
            $0.set(
                "m.room.create", sender: creator, ["creator": creator.json, "m.federate": false])
            $0.joinRule("public")
            return $0.membership("join", of: alice, by: alice)
        },
        AuthCase("message of a member") {
            $0.join(bob)
            return $0.event("m.room.message", sender: bob)
        },
        AuthCase("message of a stranger", denies: "5") { $0.event("m.room.message", sender: bob) },
        AuthCase("message of an invited user", denies: "5") {
            $0.member(bob, "invite")
            return $0.event("m.room.message", sender: bob)
        },
        AuthCase("message of one who left", denies: "5") {
            $0.member(bob, "leave")
            return $0.event("m.room.message", sender: bob)
        },
        AuthCase("third-party invite") {
            $0.join(bob)
            return $0.event("m.room.third_party_invite", key: "t", sender: bob)
        },
        AuthCase("third-party invite below the invite level", denies: "6.1") {
            $0.join(bob)
            $0.levels { $0["invite"] = 10 }
            return $0.event("m.room.third_party_invite", key: "t", sender: bob)
        },
        AuthCase("state below state_default", denies: "7") {
            $0.join(bob)
            return $0.event("m.x", key: "", sender: bob)
        },
        AuthCase("state at state_default") {
            $0.join(bob)
            $0.level(of: bob, 50)
            return $0.event("m.x", key: "", sender: bob)
        },
        AuthCase("message below its own level", denies: "7") {
            $0.join(bob)
            $0.levels { $0["events"]!["m.x"] = 1 }
            return $0.event("m.x", sender: bob)
        },
        AuthCase("message below events_default", denies: "7") {
            $0.join(bob)
            $0.levels { $0["events_default"] = 1 }
            return $0.event("m.x", sender: bob)
        },
        AuthCase("redaction is an event like others", in: .v3 ... .v12) {
            $0.join(bob)
            return $0.event("m.room.redaction", sender: bob)
        },
        AuthCase("state without power levels needs 50", denies: "7") {
            $0.join(bob)
            $0.state[.powerLevels] = nil
            return $0.event("m.x", key: "", sender: bob)
        },
        AuthCase("the creator without power levels has 100") {
            $0.state[.powerLevels] = nil
            return $0.event("m.x", key: "", sender: creator)
        },
        AuthCase("own state key") { $0.event("m.x", key: creator.text, sender: creator) },
        AuthCase("state key of another", denies: "8") {
            $0.event("m.x", key: alice.text, sender: creator)
        },
        AuthCase("state key with @ that is no user", denies: "8") {
            $0.event("m.x", key: "@", sender: creator)
        },
    ])
    func rule(_ authCase: AuthCase) { authCase.run() }
}

@Suite struct AuthRulesOfJoins {
    @Test(arguments: [
        AuthCase("creator joins first") { room in
            let create = room.state[.create]!.eventID
            room.state = [.create: room.state[.create]!]
            return room.membership("join", of: creator, by: creator, after: [create])
        },
        AuthCase("someone else joins first", denies: "4.3.4") { room in
            let create = room.state[.create]!.eventID
            room.state = [.create: room.state[.create]!]
            return room.membership("join", of: bob, by: bob, after: [create])
        },
        AuthCase("no membership", denies: "4.1") {
            $0.event("m.room.member", key: bob.text, sender: bob)
        },
        AuthCase("no state key", denies: "4.1") {
            $0.event("m.room.member", sender: bob, ["membership": "join"])
        },
        AuthCase("state key is no user", denies: "4.1") {
            $0.event("m.room.member", key: "x", sender: bob, ["membership": "join"])
        },
        AuthCase("unknown membership", denies: "4.8") {
            $0.membership("dance", of: bob, by: bob)
        },
        AuthCase("membership that is no text", denies: "4.8") {
            $0.event("m.room.member", key: bob.text, sender: bob, ["membership": 1])
        },
        AuthCase("join for another", denies: "4.3.2") {
            $0.joinRule("public")
            return $0.membership("join", of: bob, by: creator)
        },
        AuthCase("join of a banned user", denies: "4.3.3") {
            $0.joinRule("public")
            $0.member(bob, "ban")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("join a public room") {
            $0.joinRule("public")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("join when invited") {
            $0.member(bob, "invite")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("join again") {
            $0.join(bob)
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("join uninvited", denies: "4.3.4") { $0.membership("join", of: bob, by: bob) },
        AuthCase("join after having left", denies: "4.3.4") {
            $0.member(bob, "leave")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("join without join rules", denies: "4.3.4") {
            $0.state[.joinRules] = nil
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("join after knocking", denies: "4.3.4", in: .v7 ... .v12) {
            $0.joinRule("knock")
            $0.member(bob, "knock")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("join an unknown rule", denies: "4.3.7") {
            $0.joinRule("private")
            $0.member(bob, "invite")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("restricted, invited", in: .v8 ... .v12) {
            $0.joinRule("restricted")
            $0.member(bob, "invite")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("restricted, nobody vouches", denies: "4.3.5.2", in: .v8 ... .v12) {
            $0.joinRule("restricted")
            return $0.membership("join", of: bob, by: bob)
        },
        AuthCase("restricted, a member vouches", in: .v8 ... .v12, signedBy: ["a"]) {
            $0.joinRule("restricted")
            return $0.membership(
                "join", of: bob, by: bob, ["join_authorised_via_users_server": creator.json])
        },
        AuthCase("knock_restricted, a member vouches", in: .v10 ... .v12, signedBy: ["a"]) {
            $0.joinRule("knock_restricted")
            return $0.membership(
                "join", of: bob, by: bob, ["join_authorised_via_users_server": creator.json])
        },
        AuthCase("restricted, not signed", denies: "4.2.1", in: .v8 ... .v12, signedBy: ["b"]) {
            $0.joinRule("restricted")
            return $0.membership(
                "join", of: bob, by: bob, ["join_authorised_via_users_server": creator.json])
        },
        AuthCase(
            "restricted, voucher is no user", denies: "4.2.1", in: .v8 ... .v12, signedBy: ["a"]
        ) {
            $0.joinRule("public")
            return $0.membership("join", of: bob, by: bob, ["join_authorised_via_users_server": 1])
        },
        AuthCase(
            "restricted, voucher is no member", denies: "4.3.5.2", in: .v8 ... .v12, signedBy: ["c"]
        ) {
            $0.joinRule("restricted")
            return $0.membership(
                "join", of: bob, by: bob, ["join_authorised_via_users_server": carol.json])
        },
        AuthCase(
            "restricted, voucher may not invite", denies: "4.3.5.2", in: .v8 ... .v12,
            signedBy: ["c"]
        ) {
            $0.joinRule("restricted")
            $0.join(carol)
            $0.levels { $0["invite"] = 1 }
            return $0.membership(
                "join", of: bob, by: bob, ["join_authorised_via_users_server": carol.json])
        },
    ])
    func rule(_ authCase: AuthCase) { authCase.run() }
}

@Suite struct AuthRulesOfOtherMemberships {
    @Test(arguments: [
        AuthCase("invite") { $0.membership("invite", of: bob, by: creator) },
        AuthCase("invite by a stranger", denies: "4.4.2") {
            $0.membership("invite", of: bob, by: carol)
        },
        AuthCase("invite of a member", denies: "4.4.3") {
            $0.join(bob)
            return $0.membership("invite", of: bob, by: creator)
        },
        AuthCase("invite of a banned user", denies: "4.4.3") {
            $0.member(bob, "ban")
            return $0.membership("invite", of: bob, by: creator)
        },
        AuthCase("invite of one who knocks") {
            $0.member(bob, "knock")
            return $0.membership("invite", of: bob, by: creator)
        },
        AuthCase("invite without the power", denies: "4.4.5") {
            $0.join(carol)
            $0.levels { $0["invite"] = 1 }
            return $0.membership("invite", of: bob, by: carol)
        },
        AuthCase("leave") {
            $0.join(bob)
            return $0.membership("leave", of: bob, by: bob)
        },
        AuthCase("refuse an invitation") {
            $0.member(bob, "invite")
            return $0.membership("leave", of: bob, by: bob)
        },
        AuthCase("take back a knock", in: .v7 ... .v12) {
            $0.member(bob, "knock")
            return $0.membership("leave", of: bob, by: bob)
        },
        AuthCase("leave twice", denies: "4.5.1") {
            $0.member(bob, "leave")
            return $0.membership("leave", of: bob, by: bob)
        },
        AuthCase("leave when banned", denies: "4.5.1") {
            $0.member(bob, "ban")
            return $0.membership("leave", of: bob, by: bob)
        },
        AuthCase("kick") {
            $0.join(bob)
            return $0.membership("leave", of: bob, by: creator)
        },
        AuthCase("kick by a stranger", denies: "4.5.2") {
            $0.join(bob)
            return $0.membership("leave", of: bob, by: carol)
        },
        AuthCase("kick without the power", denies: "4.5.5") {
            $0.join(bob)
            $0.join(carol)
            return $0.membership("leave", of: bob, by: carol)
        },
        AuthCase("kick an equal", denies: "4.5.5", in: .v1 ... .v11) {
            $0.join(bob)
            $0.level(of: bob, 100)
            return $0.membership("leave", of: bob, by: creator)
        },
        AuthCase("unban") {
            $0.member(bob, "ban")
            return $0.membership("leave", of: bob, by: creator)
        },
        AuthCase("unban without the power", denies: "4.5.3") {
            $0.member(bob, "ban")
            $0.join(carol)
            $0.levels { $0["kick"] = 0 }
            return $0.membership("leave", of: bob, by: carol)
        },
        AuthCase("unban without the power to kick", denies: "4.5.5") {
            $0.member(bob, "ban")
            $0.join(carol)
            $0.level(of: carol, 50)
            $0.levels { $0["kick"] = 60 }
            return $0.membership("leave", of: bob, by: carol)
        },
        AuthCase("ban") { $0.membership("ban", of: bob, by: creator) },
        AuthCase("ban by a stranger", denies: "4.6.1") { $0.membership("ban", of: bob, by: carol) },
        AuthCase("ban without the power", denies: "4.6.3") {
            $0.join(carol)
            return $0.membership("ban", of: bob, by: carol)
        },
        AuthCase("ban an equal", denies: "4.6.3", in: .v1 ... .v11) {
            $0.level(of: bob, 100)
            return $0.membership("ban", of: bob, by: creator)
        },
        AuthCase("knock", in: .v7 ... .v12) {
            $0.joinRule("knock")
            return $0.membership("knock", of: bob, by: bob)
        },
        AuthCase("knock at knock_restricted, again", in: .v10 ... .v12) {
            $0.joinRule("knock_restricted")
            $0.member(bob, "knock")
            return $0.membership("knock", of: bob, by: bob)
        },
        AuthCase("knock by invitation", denies: "4.7.1", in: .v7 ... .v12) {
            $0.membership("knock", of: bob, by: bob)
        },
        AuthCase("knock at restricted", denies: "4.7.1", in: .v7 ... .v12) {
            $0.joinRule("restricted")
            return $0.membership("knock", of: bob, by: bob)
        },
        AuthCase("knock for another", denies: "4.7.2", in: .v7 ... .v12) {
            $0.joinRule("knock")
            return $0.membership("knock", of: bob, by: carol)
        },
        AuthCase("knock when banned", denies: "4.7.4", in: .v7 ... .v12) {
            $0.joinRule("knock")
            $0.member(bob, "ban")
            return $0.membership("knock", of: bob, by: bob)
        },
        AuthCase("knock when invited", denies: "4.7.4", in: .v7 ... .v12) {
            $0.joinRule("knock")
            $0.member(bob, "invite")
            return $0.membership("knock", of: bob, by: bob)
        },
        AuthCase("knock when joined", denies: "4.7.4", in: .v7 ... .v12) {
            $0.joinRule("knock")
            $0.join(bob)
            return $0.membership("knock", of: bob, by: bob)
        },
    ])
    func rule(_ authCase: AuthCase) { authCase.run() }
}

import JSON
import Matrix
import Testing

private let creator: UserID = "@creator:a"
private let bob: UserID = "@bob:b"
private let carol: UserID = "@carol:c"

@Suite struct AuthRulesOfPowerLevels {
    /// Bob, at level 60, sends the room's levels with a change.
    private static func change(
        _ description: String, denies rule: String? = nil,
        in versions: ClosedRange<RoomVersion> = .v1 ... .v12,
        before: @escaping @Sendable (inout JSON.Object) -> Void = { _ in },
        _ change: @escaping @Sendable (inout JSON.Object) -> Void
    ) -> AuthCase {
        AuthCase(description, denies: rule, in: versions) { room in
            room.join(bob)
            room.level(of: bob, 60)
            room.levels {
                $0["events"] = ["m.room.power_levels": 60, "m.high": 90, "m.low": 10]
                before(&$0)
            }
            var content = room.state[.powerLevels]!.content
            change(&content)
            return room.event("m.room.power_levels", key: "", sender: bob, content)
        }
    }

    @Test(arguments: [
        change("nothing") { _ in },
        change("a default that is a text", denies: "9.1", in: .v10 ... .v12) { $0["ban"] = "50" },
        change("a default that is null", denies: "9.1", in: .v10 ... .v12) {
            $0["users_default"] = .null
        },
        change("events is no object", denies: "9.2", in: .v10 ... .v12) { $0["events"] = [] },
        change("a level in events is a text", denies: "9.2", in: .v10 ... .v12) {
            $0["events"]!["m.low"] = "1"
        },
        change("notifications is no object", denies: "9.2", in: .v10 ... .v12) {
            $0["notifications"] = 5
        },
        change("a notification level is a boolean", denies: "9.2", in: .v10 ... .v12) {
            $0["notifications"] = ["room": true]
        },
        change("users is no object", denies: "9.3") { $0["users"] = 1 },
        change("a user is none", denies: "9.3") { $0["users"]!["bob"] = 1 },
        change("a user's level is a text", denies: "9.3", in: .v10 ... .v12) {
            $0["users"]![carol.text] = "1"
        },
        change("a default up to the own level") { $0["ban"] = 60 },
        change("a default above the own level", denies: "9.5.2") { $0["ban"] = 61 },
        change("a default that was above", denies: "9.5.1", before: { $0["kick"] = 61 }) {
            $0["kick"] = 1
        },
        change("a default removed") { $0["redact"] = nil },
        change("a default that was above removed", denies: "9.5.1", before: { $0["kick"] = 61 }) {
            $0["kick"] = nil
        },
        change("an event's level that was above", denies: "9.6.1") { $0["events"]!["m.high"] = 1 },
        change("an event's level that was above removed", denies: "9.6.1") {
            $0["events"]!["m.high"] = nil
        },
        change("an event's level above", denies: "9.7.1") { $0["events"]!["m.low"] = 61 },
        change("a new event's level above", denies: "9.7.1") { $0["events"]!["m.new"] = 61 },
        change("event levels within") { $0["events"] = ["m.high": 90, "m.new": 60] },
        change("a notification level above", denies: "9.7.1", in: .v6 ... .v12) {
            $0["notifications"] = ["room": 61]
        },
        change(
            "a notification level that was above", denies: "9.6.1", in: .v6 ... .v12,
            before: { $0["notifications"] = ["room": 61] }
        ) { $0["notifications"] = [:] },
        change("a user above is left alone") { $0["users"]![carol.text] = 60 },
        change(
            "a user at the own level", denies: "9.8.1", before: { $0["users"]![carol.text] = 60 }
        ) {
            $0["users"]![carol.text] = 1
        },
        change("a user above removed", denies: "9.8.1", in: .v1 ... .v11) {
            $0["users"]![creator.text] = nil
        },
        change("a user below", before: { $0["users"]![carol.text] = 59 }) {
            $0["users"]![carol.text] = nil
        },
        change("a user raised above", denies: "9.9.1") { $0["users"]![carol.text] = 61 },
        change("oneself lowered") { $0["users"]![bob.text] = 1 },
        change("oneself removed") { $0["users"]![bob.text] = nil },
        change("oneself raised", denies: "9.9.1") { $0["users"]![bob.text] = 61 },
        change("everything removed", denies: "9.6.1") { $0 = [:] },
        AuthCase("the first power levels") {
            $0.state[.powerLevels] = nil
            return $0.event(
                "m.room.power_levels", key: "", sender: creator, ["users": [bob.text: 1000]])
        },
        AuthCase("users that are absent") {
            $0.state[.powerLevels] = nil
            return $0.event("m.room.power_levels", key: "", sender: creator)
        },
    ])
    func rule(_ authCase: AuthCase) { authCase.run() }
}

@Suite struct PowerLevelValues {
    @Test func defaultsWithoutAnEvent() {
        let levels = PowerLevels(nil, creators: [creator], version: .v10)
        #expect(levels.level(of: creator) == 100)
        #expect(levels.level(of: bob) == 0)
        #expect([levels.ban, levels.kick, levels.redact, levels.stateDefault] == [50, 50, 50, 50])
        #expect([levels.invite, levels.eventsDefault, levels.usersDefault] == [0, 0, 0])
        #expect(levels.required(forType: "m.x", isState: true) == 50)
        #expect(levels.required(forType: "m.x", isState: false) == 0)
        #expect(levels.required(forNotification: "room") == 50)
    }

    @Test func anEventReplacesTheCreatorsLevel() {
        let levels = PowerLevels(
            [
                "users_default": 5, "users": ["@bob:b": -1], "events": ["m.x": 7],
                "notifications": ["room": 20],
            ],
            creators: [creator], version: .v10)
        #expect(levels.level(of: creator) == 5)
        #expect(levels.level(of: bob) == -1)
        #expect(levels.required(forType: "m.x", isState: true) == 7)
        #expect(levels.required(forNotification: "room") == 20)
    }

    @Test func textsCountBeforeVersionTen() {
        let content: JSON.Object = ["ban": " 10 ", "kick": "x", "invite": 3.9, "redact": "-2"]
        let old = PowerLevels(content, creators: [], version: .v9)
        #expect([old.ban, old.kick, old.invite, old.redact] == [10, 50, 3, -2])
        let new = PowerLevels(content, creators: [], version: .v10)
        #expect([new.ban, new.kick, new.invite, new.redact] == [50, 50, 0, 50])
    }

    @Test func creatorsOutrankAllFromVersionTwelve() {
        let levels = PowerLevels([:], creators: [creator], version: .v12)
        #expect(levels.level(of: creator) == .max)
        #expect(levels.level(of: bob) == 0)
    }

    @Test func redactingNeedsTheLevelOrTheServer() {
        var room = RoomFixture()
        room.join(bob)
        let original = room.event("m.room.message", sender: bob)
        let levels = PowerLevels(state: room.state, version: .v10)
        #expect(levels.allowsRedacting(original, by: creator))
        #expect(levels.allowsRedacting(original, by: "@other:b"))
        #expect(!levels.allowsRedacting(original, by: carol))
    }
}

import JSON
import Matrix
import Testing

private let alice: UserID = "@alice:a"
private let bob: UserID = "@bob:b"

/// Events as push rules see them.
struct PushFixture {
    var room = RoomFixture(version: .v11)
    var memberCount = 3

    init() { room.join(bob) }

    func message(_ content: JSON.Object, sender: UserID = "@bob:b") -> Event {
        let text: JSON.Object = ["msgtype": "m.text", "body": ""]
        return room.event("m.room.message", sender: sender, text.merging(content))
    }

    /// The rule that notifies a member of an event, and what it does.
    func match(
        _ event: Event, _ ruleset: PushRuleset = .default,
        member: PushMember = PushMember("@alice:a")
    ) -> PushEvaluator.Match? {
        var evaluator = PushEvaluator(
            event, memberCount: memberCount,
            levels: PowerLevels(state: room.state, version: room.version))
        let matches = evaluator.matches(ruleset, for: [member])
        #expect(matches.count < 2)
        return matches.first
    }

    func rule(
        _ event: Event, _ ruleset: PushRuleset = .default,
        member: PushMember = PushMember("@alice:a")
    ) -> String? {
        match(event, ruleset, member: member)?.rule.name.id
    }
}

@Suite struct DefaultPushRules {
    private let fixture = PushFixture()

    @Test func messages() {
        var fixture = fixture
        let message = fixture.message(["body": "hello"])
        #expect(fixture.rule(message) == ".m.rule.message")
        #expect(fixture.match(message)?.actions.sound == nil)
        fixture.memberCount = 2
        #expect(fixture.rule(message) == ".m.rule.room_one_to_one")
        #expect(fixture.match(message)?.actions.sound == "default")
        #expect(fixture.match(message)?.actions.highlights == false)
        // Nobody is notified of what they say themselves.
        #expect(fixture.match(message, member: PushMember(bob)) == nil)
    }

    @Test func encryptedMessagesAndCalls() {
        var fixture = fixture
        let encrypted = fixture.room.event("m.room.encrypted", sender: bob)
        #expect(fixture.rule(encrypted) == ".m.rule.encrypted")
        let call = fixture.room.event("m.call.invite", sender: bob)
        #expect(fixture.match(call)?.actions.sound == "ring")
        fixture.memberCount = 2
        #expect(fixture.rule(encrypted) == ".m.rule.encrypted_room_one_to_one")
    }

    @Test func eventsThatNotifyNobody() {
        #expect(fixture.match(fixture.message(["msgtype": "m.notice"])) == nil)
        #expect(fixture.match(fixture.room.event("m.reaction", sender: bob)) == nil)
        #expect(fixture.match(fixture.room.event("m.room.server_acl", key: "", sender: bob)) == nil)
        #expect(fixture.match(fixture.room.event("m.room.topic", key: "", sender: bob)) == nil)
        #expect(fixture.match(fixture.room.membership("join", of: bob, by: bob)) == nil)
        let edit = fixture.message(["m.relates_to": ["rel_type": "m.replace", "event_id": "$e"]])
        #expect(fixture.match(edit) == nil)
        #expect(fixture.match(fixture.room.event("x.unknown", sender: bob)) == nil)
    }

    @Test func invitationsAreForTheInvited() {
        let invite = fixture.room.membership("invite", of: alice, by: bob)
        #expect(fixture.rule(invite) == ".m.rule.invite_for_me")
        #expect(fixture.match(invite, member: PushMember("@carol:c")) == nil)
        #expect(fixture.match(fixture.room.membership("leave", of: alice, by: bob)) == nil)
    }

    @Test func tombstonesAreStateEvents() {
        let tombstone = fixture.room.event("m.room.tombstone", key: "", sender: bob)
        #expect(fixture.match(tombstone)?.actions.highlights == true)
        #expect(fixture.match(fixture.room.event("m.room.tombstone", sender: bob)) == nil)
        #expect(fixture.match(fixture.room.event("m.room.tombstone", key: "x", sender: bob)) == nil)
    }

    @Test func mentionsOfUsers() {
        let mention = fixture.message(["m.mentions": ["user_ids": ["@x:y", alice.json, 1]]])
        #expect(fixture.rule(mention) == ".m.rule.is_user_mention")
        #expect(fixture.match(mention)?.actions.highlights == true)
        #expect(fixture.rule(mention, member: PushMember("@carol:c")) == ".m.rule.message")
        let malformed = fixture.message(["m.mentions": ["user_ids": alice.json]])
        #expect(fixture.rule(malformed) == ".m.rule.message")
    }

    @Test func mentionsOfTheRoomNeedPower() {
        let admin = fixture.room.creator
        for content in [["m.mentions": ["room": true]], ["body": "Hey @room, look"]]
            as [JSON.Object]
        {
            let rule = fixture.rule(fixture.message(content, sender: admin))
            #expect([".m.rule.is_room_mention", ".m.rule.roomnotif"].contains(rule))
            #expect(fixture.rule(fixture.message(content)) == ".m.rule.message")
        }
        let text = fixture.message(["m.mentions": ["room": "true"]], sender: admin)
        #expect(fixture.rule(text) == ".m.rule.message")
        var open = fixture
        open.room.levels { $0["notifications"] = ["room": 0] }
        #expect(
            open.rule(open.message(["m.mentions": ["room": true]])) == ".m.rule.is_room_mention")
    }

    @Test func namesInTheTextCountIfNoMentionsAreSaid() {
        let named = PushMember(alice, displayName: "Alice M. (she)")
        func rule(_ content: JSON.Object, _ member: PushMember) -> String? {
            fixture.rule(fixture.message(content), member: member)
        }
        #expect(rule(["body": "hi alice m. (she)!"], named) == ".m.rule.contains_display_name")
        #expect(rule(["body": "hi alice m."], named) == ".m.rule.contains_user_name")
        #expect(rule(["body": "hi malice"], named) == ".m.rule.message")
        #expect(rule(["body": "hi Alice", "m.mentions": [:]], named) == ".m.rule.message")
        #expect(rule(["body": "hi"], PushMember("@carol:c", displayName: "")) == ".m.rule.message")
        #expect(rule(["body": 1], named) == ".m.rule.message")
    }
}

@Suite struct PushConditions {
    private let fixture = PushFixture()

    private func holds(
        _ condition: JSON, _ event: Event, memberCount: Int = 3, displayName: String? = nil
    ) -> Bool {
        var fixture = fixture
        fixture.memberCount = memberCount
        let rule = PushRule(
            .override, "mine", actions: PushActions(["notify"])!, conditions: [condition])
        let ruleset = PushRuleset(
            custom: [rule],
            isEnabled: Dictionary(
                uniqueKeysWithValues: PushRuleset.default.rules.map { ($0.name, false) }))
        return fixture.match(
            event, ruleset, member: PushMember(alice, displayName: displayName)) != nil
    }

    @Test(
        arguments: [
            ("content.topic", "lunc?*", true), ("content.topic", "lunch", false),
            ("content.absent", "*", false), ("content.number", "*", false),
            ("content.m\\.deep.x\\\\y", "Z", true), ("content", "*", false),
            ("type", "m.room.message", true), ("sender", "@bob:b", true),
            ("room_id", "!room:*", true), ("content.body", "two", true),
            ("content.body", "tw", false),
        ] as [(String, String, Bool)])
    func eventMatch(key: String, pattern: String, expected: Bool) {
        let event = fixture.message([
            "topic": "Lunch plans", "number": 1, "m.deep": ["x\\y": "z"], "body": "one two three",
        ])
        let condition: JSON = [
            "kind": "event_match", "key": .string(key), "pattern": .string(pattern),
        ]
        #expect(holds(condition, event) == expected)
    }

    @Test(
        arguments: [
            ("true", true, true), ("true", "true", false), ("true", 1, false), ("one", 1, true),
            ("one", 1.0, false), ("null", .null, true), ("absent", .null, false),
            ("text", "x", true), ("text", "X", false), ("list", [1], false), ("float", 0.5, false),
        ] as [(String, JSON, Bool)])
    func eventPropertyIs(key: String, value: JSON, expected: Bool) {
        let event = RoomFixture(version: .v5).event(
            "m.x", sender: bob,
            ["true": true, "one": 1, "null": .null, "text": "x", "list": [1], "float": 0.5])
        let condition: JSON = [
            "kind": "event_property_is", "key": .string("content." + key), "value": value,
        ]
        #expect(holds(condition, event) == expected)
    }

    @Test(
        arguments: [
            (1, true), ("x", true), (.null, true), ("X", false), ([2], false), (3, false),
        ] as [(JSON, Bool)])
    func eventPropertyContains(value: JSON, expected: Bool) {
        let event = fixture.message(["list": [1, "x", .null, [2]], "text": "x"])
        func condition(_ key: String) -> JSON {
            ["kind": "event_property_contains", "key": .string(key), "value": value]
        }
        #expect(holds(condition("content.list"), event) == expected)
        #expect(!holds(condition("content.text"), event))
        #expect(!holds(condition("content.absent"), event))
    }

    @Test(arguments: [
        ("3", [3]), ("==3", [3]), ("<3", [2]), (">3", [4]), ("<=3", [2, 3]), (">=3", [3, 4]),
        ("", []), ("three", []), ("=3", []), ("3 ", []), ("-3", []), ("<", []), (">>3", []),
        ("99999999999999999999", []),
    ])
    func roomMemberCount(text: String, counts: [Int]) {
        let event = fixture.message([:])
        let condition: JSON = ["kind": "room_member_count", "is": .string(text)]
        for count in 2...4 {
            #expect(holds(condition, event, memberCount: count) == counts.contains(count))
        }
    }

    @Test func whatIsUnknownOrMalformedNeverHolds() {
        let event = fixture.message(["body": "alice"])
        for condition: JSON in [
            .null, [:], "x", ["kind": "x.unknown"], ["kind": 1], ["kind": "event_match"],
            ["kind": "event_match", "key": "type", "pattern": 1],
            ["kind": "event_match", "key": 1, "pattern": "*"],
            ["kind": "room_member_count", "is": 3], ["kind": "sender_notification_permission"],
            ["kind": "event_property_is", "key": "content.x", "value": [:]],
        ] {
            #expect(!holds(condition, event))
        }
        #expect(holds(["kind": "contains_display_name"], event, displayName: "Alice"))
        #expect(!holds(["kind": "contains_display_name"], event))
        #expect(!holds(["kind": "sender_notification_permission", "key": "x"], event))
    }

    @Test func aRuleWithoutConditionsAlwaysMatches() {
        let rule = PushRule(.override, "all", actions: PushActions(["notify"])!)
        let event = fixture.room.event("x.unknown", sender: bob)
        #expect(fixture.rule(event, PushRuleset(custom: [rule])) == "all")
    }
}

@Suite struct PushRulesets {
    private let fixture = PushFixture()
    private let notify = PushActions(["notify"])!

    @Test func theOrderOfKinds() {
        let event = fixture.message(["body": "tea time"])
        let rules = [
            PushRule(.underride, "u", actions: notify),
            PushRule(.sender, bob.text, actions: notify),
            PushRule(.room, fixture.room.roomID.text, actions: notify),
            PushRule(.content, "time", actions: notify, pattern: "time"),
            PushRule(.content, "tea", actions: notify, pattern: "tea"),
            PushRule(.override, "o", actions: notify),
        ]
        var custom = rules
        for expected in ["o", "time", "tea", fixture.room.roomID.text, bob.text, "u"] {
            #expect(fixture.rule(event, PushRuleset(custom: custom)) == expected)
            custom.removeAll { $0.name.id == expected }
        }
        #expect(fixture.rule(event, PushRuleset(custom: custom)) == ".m.rule.message")
    }

    @Test func roomAndSenderRulesAreForOneRoomAndSender() {
        let event = fixture.message([:])
        for (kind, id) in [(PushRule.Kind.room, "!*"), (.room, "!other:a"), (.sender, "@*")] {
            let silent = PushRule(kind, id, actions: .none)
            #expect(fixture.rule(event, PushRuleset(custom: [silent])) == ".m.rule.message")
        }
        let silent = PushRule(.room, fixture.room.roomID.text, actions: .none)
        #expect(fixture.match(event, PushRuleset(custom: [silent])) == nil)
    }

    @Test func rulesAreSwitchedAndTheirActionsChanged() {
        let event = fixture.message([:])
        let master = PushRule.Name(.override, ".m.rule.master")
        let loud = PushRule(.override, "loud", actions: notify)
        let off = PushRuleset(custom: [loud], isEnabled: [master: true])
        #expect(fixture.match(event, off) == nil)
        let message = PushRule.Name(.underride, ".m.rule.message")
        let quiet = PushRuleset(custom: [], isEnabled: [message: false])
        #expect(fixture.match(event, quiet) == nil)
        let sound = PushActions(["notify", ["set_tweak": "sound", "value": "bell"]])!
        let audible = PushRuleset(custom: [], actions: [message: sound])
        #expect(fixture.match(event, audible)?.actions.sound == "bell")
        #expect(
            fixture.match(event, PushRuleset(custom: [loud], isEnabled: [loud.name: false]))?
                .rule.name == message)
    }

    @Test func equalRulesetsAreEqual() {
        let message = PushRule.Name(.underride, ".m.rule.message")
        #expect(PushRuleset(custom: []) == .default)
        #expect(PushRuleset(custom: [], isEnabled: [message: true]) == .default)
        #expect(PushRuleset(custom: [], isEnabled: [message: false]) != .default)
        #expect(Set([PushRuleset(custom: []), .default]).count == 1)
    }

    @Test(
        arguments: [
            ([], false, false, nil), (["dont_notify"], false, false, nil),
            (["notify", "coalesce"], true, false, nil),
            (["notify", ["set_tweak": "highlight"]], true, true, nil),
            (["notify", ["set_tweak": "highlight", "value": false]], true, false, nil),
            (["notify", ["set_tweak": "sound", "value": "x"]], true, false, "x"),
            (["notify", ["set_tweak": "sound"]], true, false, nil),
        ] as [(JSON, Bool, Bool, String?)])
    func actions(json: JSON, notifies: Bool, highlights: Bool, sound: String?) throws {
        let actions = try #require(PushActions(json))
        #expect(actions.notifies == notifies)
        #expect(actions.highlights == highlights)
        #expect(actions.sound == sound)
        #expect(!actions.elements.contains("dont_notify"))
        #expect(!actions.elements.contains("coalesce"))
    }

    @Test(arguments: [.null, "notify", ["x"], [1], [[:]], [["set_tweak": 1]]] as [JSON])
    func malformedActions(json: JSON) {
        #expect(PushActions(json) == nil)
    }

    /// The rules as clients get them read back as the same rules.
    @Test func rulesAsClientsGetThem() throws {
        let custom = PushRule(
            .override, "mine", actions: notify,
            conditions: [
                ["kind": "room_member_count", "is": "<=10"], ["kind": "x.unknown", "y": 1],
            ])
        let json = PushRuleset(custom: [custom]).json(for: alice)
        let overrides = try #require(json["override"]?.arrayValue)
        #expect(overrides[0]["rule_id"] == ".m.rule.master")
        #expect(overrides[0]["enabled"] == false)
        #expect(
            overrides[1] == [
                "rule_id": "mine", "default": false, "enabled": true, "actions": ["notify"],
                "conditions": [
                    ["kind": "room_member_count", "is": "<=10"], ["kind": "x.unknown", "y": 1],
                ],
            ])
        #expect(json["content"]?[0]?["pattern"] == "alice")
        let invite = overrides.first { $0["rule_id"] == ".m.rule.invite_for_me" }
        #expect(invite?["conditions"]?[2]?["pattern"] == alice.json)
        for kind in PushRule.Kind.allCases {
            for rule in json[kind.rawValue]?.arrayValue ?? [] {
                #expect(PushActions(rule["actions"] ?? .null) != nil)
                for condition in rule["conditions"]?.arrayValue ?? [] {
                    #expect(PushCondition(condition).json(for: alice) == condition)
                }
            }
        }
        #expect(json["room"] == [])
    }
}

import JSON
import Matrix
import Testing

/// Asks each member's rules one by one, from their JSON, without sharing anything.
private struct PlainPush {
    let event: Event
    let memberCount: Int
    let levels: PowerLevels

    /// The rule that notifies the member.
    func rule(_ rules: JSON, _ user: UserID, _ displayName: String?) -> String? {
        guard user != event.sender else { return nil }
        for kind in ["override", "content", "room", "sender", "underride"] {
            for rule in rules[kind]?.arrayValue ?? [] where rule["enabled"] == true {
                let id = rule["rule_id"]!.stringValue!
                if event.content["m.mentions"] != nil,
                    ["contains_display_name", "contains_user_name", "roomnotif"]
                        .contains(id.dropFirst(".m.rule.".count))
                {
                    continue
                }
                let matches =
                    switch kind {
                    case "content":
                        contains(rule["pattern"]!.stringValue!)
                    case "room": id == event.roomID.text
                    case "sender": id == event.sender.text
                    default:
                        rule["conditions"]!.arrayValue!.allSatisfy { holds($0, displayName) }
                    }
                guard matches else { continue }
                return rule["actions"]!.arrayValue!.contains("notify") ? id : nil
            }
        }
        return nil
    }

    private func contains(_ pattern: String) -> Bool {
        event.content["body"]?.stringValue.map { PlainGlob.isIn($0, pattern) } ?? false
    }

    private func holds(_ condition: JSON, _ displayName: String?) -> Bool {
        let key = condition["key"]?.stringValue ?? ""
        switch condition["kind"]?.stringValue {
        case "event_match":
            let pattern = condition["pattern"]!.stringValue!
            if key == "content.body" { return contains(pattern) }
            return property(key)?.stringValue.map { PlainGlob.matches($0, pattern) } ?? false
        case "event_property_is": return property(key) == condition["value"]
        case "event_property_contains":
            return property(key)?.arrayValue?.contains(condition["value"]!) ?? false
        case "contains_display_name":
            guard let displayName, !displayName.isEmpty else { return false }
            return contains(displayName)
        case "room_member_count": return condition["is"]?.stringValue == "\(memberCount)"
        case "sender_notification_permission":
            return levels.level(of: event.sender) >= levels.required(forNotification: key)
        default: return false
        }
    }

    /// The paths that the rules of this test have.
    private func property(_ key: String) -> JSON? {
        switch key {
        case "type": .string(event.type)
        case "state_key": event.stateKey.map { .string($0) }
        case "content.m\\.mentions.user_ids": event.content["m.mentions"]?["user_ids"]
        case "content.m\\.mentions.room": event.content["m.mentions"]?["room"]
        case "content.m\\.relates_to.rel_type": event.content["m.relates_to"]?["rel_type"]
        default: event.content[String(key.dropFirst("content.".count))]
        }
    }
}

@Suite struct PushEvaluation {
    private static let users = (0..<8).map { UserID("@u\($0):a")! }

    private static func randomRuleset(
        _ room: RoomFixture, using generator: inout SeededGenerator
    ) -> PushRuleset {
        func coin() -> Bool { Bool.random(using: &generator) }
        let actions = ([PushActions.none, PushActions(["notify"])!]).randomElement(
            using: &generator)!
        var custom: [PushRule] = []
        if coin() {
            custom.append(PushRule(.content, "w", actions: actions, pattern: coin() ? "hi" : "h*u"))
        }
        if coin() { custom.append(PushRule(.room, room.roomID.text, actions: actions)) }
        if coin() { custom.append(PushRule(.sender, users[0].text, actions: actions)) }
        if coin() {
            custom.append(
                PushRule(
                    .override, "o", actions: actions,
                    conditions: [
                        ["kind": "contains_display_name"],
                        ["kind": "event_match", "key": "content.msgtype", "pattern": "m.*"],
                    ]))
        }
        var isEnabled: [PushRule.Name: Bool] = [:]
        for rule in PushRuleset.default.rules where Int.random(in: 0..<8, using: &generator) == 0 {
            isEnabled[rule.name] = coin()
        }
        return PushRuleset(custom: custom, isEnabled: isEnabled)
    }

    private static func randomEvent(
        _ room: RoomFixture, using generator: inout SeededGenerator
    ) -> Event {
        func pick<Element>(_ elements: [Element]) -> Element {
            elements.randomElement(using: &generator)!
        }
        let type = pick(["m.room.message", "m.room.message", "m.room.member", "m.reaction", "m.x"])
        var content: JSON.Object = [:]
        content["body"] = pick([nil, "hi u1", "Name 2 is here", "@room u3, hi", "hush u", 1])
        content["msgtype"] = pick([nil, "m.text", "m.notice"])
        content["membership"] = pick([nil, "invite"])
        content["m.mentions"] = pick([
            nil, nil, [:], ["room": true], ["user_ids": ["@u1:a", "@u2:a"]], ["user_ids": []],
        ])
        content["m.relates_to"] = pick([nil, nil, ["rel_type": "m.replace"]])
        return room.event(
            type, key: pick([nil, "", "@u4:a"]), sender: pick([room.creator, users[0], users[1]]),
            content)
    }

    /// Members in groups by their rulesets are notified as if each were asked alone.
    @Test func groupsAreNotifiedAsTheirMembersWouldBe() {
        var notified = 0
        var rulesSeen: Set<String> = []
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(state: seed)
            let room = RoomFixture(version: .v11)
            let event = Self.randomEvent(room, using: &generator)
            let levels = PowerLevels(state: room.state, version: room.version)
            let memberCount = Int.random(in: 2...3, using: &generator)
            let rulesets =
                [PushRuleset.default]
                + (0..<3).map { _ in Self.randomRuleset(room, using: &generator) }
            var groups: [PushRuleset: [PushMember]] = [:]
            var expected: [UserID: String] = [:]
            let plain = PlainPush(event: event, memberCount: memberCount, levels: levels)
            for (number, user) in Self.users.enumerated() {
                let ruleset = rulesets.randomElement(using: &generator)!
                let name = [nil, "Name \(number)", ""].randomElement(using: &generator)!
                groups[ruleset, default: []].append(PushMember(user, displayName: name))
                expected[user] = plain.rule(ruleset.json(for: user), user, name)
            }
            var evaluator = PushEvaluator(event, memberCount: memberCount, levels: levels)
            var found: [UserID: String] = [:]
            for (ruleset, members) in groups {
                for match in evaluator.matches(ruleset, for: members) {
                    for member in match.members {
                        #expect(found[member.userID] == nil, "seed \(seed)")
                        found[member.userID] = match.rule.name.id
                    }
                }
            }
            #expect(found == expected, "seed \(seed)")
            notified += found.count
            rulesSeen.formUnion(found.values)
        }
        // Else it would not say much.
        #expect(notified > 250)
        #expect(rulesSeen.count > 8)
    }
}

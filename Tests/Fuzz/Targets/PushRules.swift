import FuzzHTTP
import JSON
import Matrix

/// An object with an `event`, `rules` that have a `kind` beside what clients send, and `members`, whose
/// identifiers are the keys and whose names are the values.
func checkPush(_ input: [UInt8]) throws(Violation) {
    guard let value = try? JSON(parsing: input), let object = value["event"]?.objectValue,
        let event = try? Event(json: object, version: .v11)
    else { return }
    let ruleset = PushRuleset(custom: (value["rules"]?.arrayValue ?? []).compactMap(rule))
    var members: [PushMember] = []
    for (name, displayName) in value["members"]?.objectValue ?? [:] {
        guard let user = UserID(name) else { continue }
        members.append(PushMember(user, displayName: displayName.stringValue))
        try checkRules(ruleset, of: user)
    }
    let levels = PowerLevels(nil, creators: [], version: .v11)
    func matches(_ members: [PushMember]) -> [String] {
        var evaluator = PushEvaluator(event, memberCount: members.count % 4, levels: levels)
        return evaluator.matches(ruleset, for: members).flatMap { match in
            match.members.map { "\($0.userID) \(match.rule.name)" }
        }
    }
    let together = Set(matches(members))
    // So many as to have the same number modulo four, since a rule may look at that.
    let spectators = (0..<members.count % 4 + 3).map { number in
        PushMember(UserID(trusted: "@spectator\(number):x"))
    }
    for member in members {
        let alone = matches([member] + spectators).filter {
            $0.hasPrefix("\(member.userID) ")
        }
        let expected = together.filter { $0.hasPrefix("\(member.userID) ") }
        try require(Set(alone) == expected, "alone \(alone), together \(expected)")
    }
}

private func rule(_ json: JSON) -> PushRule? {
    guard let kind = json["kind"]?.stringValue.flatMap({ PushRule.Kind(rawValue: $0) }),
        let id = json["rule_id"]?.stringValue,
        let actions = PushActions(json["actions"] ?? .null)
    else { return nil }
    return PushRule(
        kind, id, actions: actions, conditions: json["conditions"]?.arrayValue ?? [],
        pattern: json["pattern"]?.stringValue)
}

/// What a client is told means the same when it is sent back.
private func checkRules(_ ruleset: PushRuleset, of user: UserID) throws(Violation) {
    let json = ruleset.json(for: user)
    for rule in json["override"]?.arrayValue ?? [] {
        for condition in rule["conditions"]?.arrayValue ?? [] {
            let again = PushCondition(condition).json(for: user)
            try require(
                PushCondition(again) == PushCondition(condition), "\(condition), \(again)")
        }
    }
}

import JSON
import Matrix
import Storage

extension PushRule.Kind {
    /// The number that the tables give the kind.
    var priorityClass: Int64 {
        switch self {
        case .override: 5
        case .content: 4
        case .room: 3
        case .sender: 2
        case .underride: 1
        }
    }
}

extension PushRule.Name {
    /// What the tables call the rule.
    var stored: String { "global/\(kind.rawValue)/\(id)" }

    /// Reads what the tables call a rule; nil if it is none that we know.
    init?(stored text: String) {
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "global",
            let kind = PushRule.Kind(rawValue: String(parts[1]))
        else { return nil }
        self.init(kind, String(parts[2]))
    }
}

extension PushRuleset {
    /// The rules of a user who changed this. What cannot be read is passed over.
    convenience init(_ changes: PushRules.Changes) {
        var custom: [PushRule] = []
        var actions: [PushRule.Name: PushActions] = [:]
        for rule in changes.rules {
            guard let name = PushRule.Name(stored: rule.name),
                let chosen = (try? JSON(parsing: rule.actions)).flatMap({ PushActions($0) })
            else { continue }
            if rule.priorityClass == PushRules.serverClass {
                actions[name] = chosen
            } else {
                let conditions = (try? JSON(parsing: rule.conditions))?.arrayValue ?? []
                custom.append(
                    PushRule(
                        name.kind, name.id, actions: chosen, conditions: conditions,
                        pattern: conditions.first?["pattern"]?.stringValue))
            }
        }
        var isEnabled: [PushRule.Name: Bool] = [:]
        for (text, enabled) in changes.enabled {
            if let name = PushRule.Name(stored: text) { isEnabled[name] = enabled }
        }
        for index in custom.indices {
            if let enabled = isEnabled[custom[index].name] { custom[index].isEnabled = enabled }
        }
        self.init(custom: custom, isEnabled: isEnabled, actions: actions)
    }

    /// The rule of a name.
    func rule(_ name: PushRule.Name) -> PushRule? { rules.first { $0.name == name } }
}

import JSON
import Matrix
import Postgres
import Reactor

/// Every user's push rules at every time, from the record of their changes.
struct RuleHistory {
    private var rulesets: [String: [(since: Int64, ruleset: PushRuleset)]] = [:]

    init(in pool: PostgresPool, on loop: isolated EventLoop) async throws {
        let changes = Statement(
            unprepared: """
                SELECT user_id, event_stream_ordering, rule_id, op, priority_class, priority,
                    conditions, actions
                FROM push_rules_stream ORDER BY stream_id
                """)
        var written: [String: WrittenRules] = [:]
        for row in try await pool.query(changes, [], on: loop) {
            let userID = try row.text(0)
            var rules = written[userID] ?? WrittenRules()
            let name = try row.text(2)
            switch try row.text(3) {
            case "ADD":
                rules.add(
                    name, class: try row.integer(4), priority: try row.integer(5),
                    conditions: try JSON(parsing: row.text(6)),
                    actions: try JSON(parsing: row.text(7)))
            case "DELETE": rules.remove(name)
            case "ENABLE": rules.enabled[name] = true
            case "DISABLE": rules.enabled[name] = false
            case "ACTIONS": rules.act(name, try JSON(parsing: row.text(7)))
            default: break
            }
            written[userID] = rules
            rulesets[userID, default: []].append((try row.integer(1), rules.ruleset))
        }
    }

    /// A user's rules when an event came.
    func ruleset(of userID: String, at position: Int64) -> PushRuleset {
        rulesets[userID]?.last { $0.since < position }?.ruleset ?? .default
    }
}

/// What one user wrote.
private struct WrittenRules {
    struct Rule {
        let name: String
        let kind: Int64
        var priority: Int64
        let conditions: JSON
        var actions: JSON
    }

    private var rules: [Rule] = []
    private var chosen: [String: JSON] = [:]
    var enabled: [String: Bool] = [:]

    mutating func add(
        _ name: String, class kind: Int64, priority: Int64, conditions: JSON, actions: JSON
    ) {
        rules.removeAll { $0.name == name }
        for index in rules.indices
        where rules[index].kind == kind && rules[index].priority >= priority {
            rules[index].priority += 1
        }
        rules.append(
            Rule(
                name: name, kind: kind, priority: priority, conditions: conditions,
                actions: actions))
    }

    mutating func remove(_ name: String) {
        rules.removeAll { $0.name == name }
        enabled[name] = nil
    }

    mutating func act(_ name: String, _ actions: JSON) {
        if let index = rules.firstIndex(where: { $0.name == name }) {
            rules[index].actions = actions
        } else {
            chosen[name] = actions
        }
    }

    private static func name(_ text: String) -> PushRule.Name? {
        let parts = text.split(separator: "/", maxSplits: 2)
        guard parts.count == 3, let kind = PushRule.Kind(rawValue: String(parts[1])) else {
            return nil
        }
        return PushRule.Name(kind, String(parts[2]))
    }

    var ruleset: PushRuleset {
        var custom: [PushRule] = []
        for rule in rules.sorted(by: { ($0.kind, $0.priority) > ($1.kind, $1.priority) }) {
            guard let name = Self.name(rule.name), let actions = PushActions(rule.actions) else {
                continue
            }
            custom.append(
                PushRule(
                    name.kind, name.id, isEnabled: enabled[rule.name] ?? true, actions: actions,
                    conditions: rule.conditions.arrayValue ?? [],
                    pattern: rule.conditions.arrayValue?.first?["pattern"]?.stringValue))
        }
        var switches: [PushRule.Name: Bool] = [:]
        for (text, isEnabled) in enabled {
            if let name = Self.name(text) { switches[name] = isEnabled }
        }
        var actions: [PushRule.Name: PushActions] = [:]
        for (text, json) in chosen {
            if let name = Self.name(text) { actions[name] = PushActions(json) }
        }
        return PushRuleset(custom: custom, isEnabled: switches, actions: actions)
    }
}

public import JSON

/// All push rules of a user, in the order in which they are asked.
///
/// Most users have the default rules and so the same ruleset; `default` is one object, and equal
/// rulesets are found equal quickly, so that events are evaluated once for all who share one.
public final class PushRuleset: Hashable, Sendable {
    /// The rules in the order in which they are asked.
    public let rules: [PushRule]
    private let hash: Int

    /// The rules of a user who has changed none.
    public static let `default` = PushRuleset(custom: [])

    /// Makes the ruleset of a user.
    ///
    /// - Parameters:
    ///   - custom: The rules that they wrote, each kind's in its order.
    ///   - isEnabled: Which rules, theirs or the server's, they switched on or off.
    ///   - actions: For which of the server's rules they chose other actions.
    public init(
        custom: [PushRule], isEnabled: [PushRule.Name: Bool] = [:],
        actions: [PushRule.Name: PushActions] = [:]
    ) {
        var rules = [DefaultPushRules.master]
        for kind in PushRule.Kind.allCases {
            rules += custom.filter { $0.name.kind == kind }
            rules += DefaultPushRules.rules.filter { $0.name.kind == kind }
        }
        if !isEnabled.isEmpty || !actions.isEmpty {
            for index in rules.indices {
                let name = rules[index].name
                if let isEnabled = isEnabled[name] { rules[index].isEnabled = isEnabled }
                if let actions = actions[name] { rules[index].actions = actions }
            }
        }
        self.rules = rules
        hash = rules.hashValue
    }

    /// The rules as their owner gets them, the `global` of `GET /pushrules/`.
    public func json(for owner: UserID) -> JSON {
        var kinds: JSON = [:]
        for kind in PushRule.Kind.allCases {
            let rules = rules.filter { $0.name.kind == kind }
            kinds[kind.rawValue] = .array(rules.map { $0.json(for: owner) })
        }
        return kinds
    }

    /// Equality of the rules.
    public static func == (left: PushRuleset, right: PushRuleset) -> Bool {
        left === right || (left.hash == right.hash && left.rules == right.rules)
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}

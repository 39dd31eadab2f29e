public import JSON

/// A rule of a user that says of which events they are notified, and how.
///
/// Specification: client-server, "Push Rules".
public struct PushRule: Hashable, Sendable {
    /// The kinds of rules in the order in which they are asked.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Before all others.
        case override
        /// A pattern in the text.
        case content
        /// A room.
        case room
        /// A sender.
        case sender
        /// After all others.
        case underride
    }

    /// What a rule is called; unique for its owner.
    public struct Name: Hashable, Sendable {
        /// The rule's kind.
        public let kind: Kind
        /// What the rule is called among those of its kind. Those of the server's start with a dot.
        public let id: String

        /// Makes a name.
        public init(_ kind: Kind, _ id: String) {
            self.kind = kind
            self.id = id
        }
    }

    /// The rule's name.
    public let name: Name
    /// Whether it matches anything.
    public var isEnabled: Bool
    /// What it does.
    public var actions: PushActions
    let conditions: PushConditions

    init(
        _ kind: Kind, _ id: String, isEnabled: Bool = true, actions: PushActions,
        _ conditions: [PushCondition]
    ) {
        name = Name(kind, id)
        self.isEnabled = isEnabled
        self.actions = actions
        self.conditions = PushConditions(conditions)
    }

    /// Makes a rule that a user wrote.
    ///
    /// - Parameters:
    ///   - kind: The rule's kind.
    ///   - id: What it is called: of a room rule the room, of a sender rule the user.
    ///   - isEnabled: Whether it matches anything.
    ///   - actions: What it does.
    ///   - conditions: The `conditions` of an override or underride rule.
    ///   - pattern: The `pattern` of a content rule.
    public init(
        _ kind: Kind, _ id: String, isEnabled: Bool = true, actions: PushActions,
        conditions: [JSON] = [], pattern: String? = nil
    ) {
        let conditions: [PushCondition] =
            switch kind {
            case .override, .underride: conditions.map { PushCondition($0) }
            case .content: [.eventMatch(key: .body, pattern: PushPattern(pattern ?? ""))]
            case .room: [.eventPropertyIs(key: PropertyPath("room_id"), value: .string(id))]
            case .sender: [.eventPropertyIs(key: PropertyPath("sender"), value: .string(id))]
            }
        self.init(kind, id, isEnabled: isEnabled, actions: actions, conditions)
    }

    /// Whether it is one of the server's.
    public var isDefault: Bool { name.id.utf8.first == UInt8(ascii: ".") }

    /// The rule as its owner gets it.
    public func json(for owner: UserID) -> JSON {
        var json: JSON = [
            "rule_id": .string(name.id), "default": .bool(isDefault),
            "enabled": .bool(isEnabled), "actions": actions.json,
        ]
        switch name.kind {
        case .override, .underride:
            json["conditions"] = .array(conditions.all.map { $0.json(for: owner) })
        case .content: json["pattern"] = conditions.all.first?.json(for: owner)["pattern"]
        case .room, .sender: break
        }
        return json
    }
}

/// The conditions of a rule; shared by all users who have the rule.
final class PushConditions: Hashable, Sendable {
    let all: [PushCondition]
    /// Those that are the same for everybody.
    let common: [PushCondition]
    /// Those that depend on whose rule it is.
    let personal: [PushCondition]

    init(_ all: [PushCondition]) {
        self.all = all
        common = all.filter { !$0.isPersonal }
        personal = all.filter(\.isPersonal)
    }

    static func == (left: PushConditions, right: PushConditions) -> Bool {
        left === right || left.all == right.all
    }

    func hash(into hasher: inout Hasher) { hasher.combine(all) }
}

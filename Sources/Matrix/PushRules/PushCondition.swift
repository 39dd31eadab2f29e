public import JSON

/// What must hold for a push rule to match.
///
/// Specification: client-server, "Push Rules", "Conditions".
public enum PushCondition: Hashable, Sendable {
    /// A property matches a pattern; of `content.body` a part of it does.
    case eventMatch(key: PropertyPath, pattern: PushPattern)
    /// A property is the identifier of the rule's owner.
    case eventMatchesOwner(key: PropertyPath)
    /// A property has this value.
    case eventPropertyIs(key: PropertyPath, value: JSON)
    /// A list has this value in it.
    case eventPropertyContains(key: PropertyPath, value: JSON)
    /// A list has the identifier of the rule's owner in it.
    case eventPropertyContainsOwner(key: PropertyPath)
    /// The body contains the owner's name in the room.
    case containsDisplayName
    /// The body contains the owner's localpart. Only the content rule `.m.rule.contains_user_name`
    /// has it, in which it is a pattern.
    case containsLocalpart
    /// The room has so many members.
    case roomMemberCount(Comparison, Int)
    /// The sender has the power to trigger this kind of notification.
    case senderNotificationPermission(key: String)
    /// Something else, which never holds.
    case unknown(JSON)

    /// How a number of members is compared.
    public enum Comparison: String, Hashable, Sendable, CaseIterable {
        /// At most.
        case atMost = "<="
        /// At least.
        case atLeast = ">="
        /// Exactly.
        case equal = "=="
        /// Fewer.
        case less = "<"
        /// More.
        case greater = ">"
    }

    /// Reads a condition; what is malformed becomes `unknown`.
    public init(_ json: JSON) {
        self = Self.read(json) ?? .unknown(json)
    }

    private static func read(_ json: JSON) -> PushCondition? {
        let key = json["key"]?.stringValue
        switch json["kind"]?.stringValue {
        case "event_match":
            guard let key, let pattern = json["pattern"]?.stringValue else { return nil }
            return .eventMatch(key: PropertyPath(key), pattern: PushPattern(pattern))
        case "event_property_is":
            guard let key, let value = json["value"], value.isScalar else { return nil }
            return .eventPropertyIs(key: PropertyPath(key), value: value)
        case "event_property_contains":
            guard let key, let value = json["value"], value.isScalar else { return nil }
            return .eventPropertyContains(key: PropertyPath(key), value: value)
        case "contains_display_name": return .containsDisplayName
        case "room_member_count": return json["is"]?.stringValue.flatMap(memberCount)
        case "sender_notification_permission":
            return key.map { .senderNotificationPermission(key: $0) }
        default: return nil
        }
    }

    private static func memberCount(_ text: String) -> PushCondition? {
        // The two-character comparisons stand first, so none is taken for a shorter one.
        let comparison = Comparison.allCases.first { text.hasPrefix($0.rawValue) }
        let digits = text.dropFirst(comparison?.rawValue.utf8.count ?? 0)
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(digits)
        else { return nil }
        return .roomMemberCount(comparison ?? .equal, count)
    }

    /// Whether it depends on whose rule it is.
    var isPersonal: Bool {
        switch self {
        case .eventMatchesOwner, .eventPropertyContainsOwner, .containsDisplayName,
            .containsLocalpart:
            true
        case .eventMatch, .eventPropertyIs, .eventPropertyContains, .roomMemberCount,
            .senderNotificationPermission, .unknown:
            false
        }
    }

    /// The condition as its owner gets it.
    public func json(for owner: UserID) -> JSON {
        switch self {
        case .eventMatch(let key, let pattern):
            [
                "kind": "event_match", "key": .string(key.text),
                "pattern": .string(pattern.text),
            ]
        case .eventMatchesOwner(let key):
            ["kind": "event_match", "key": .string(key.text), "pattern": owner.json]
        case .eventPropertyIs(let key, let value):
            ["kind": "event_property_is", "key": .string(key.text), "value": value]
        case .eventPropertyContains(let key, let value):
            ["kind": "event_property_contains", "key": .string(key.text), "value": value]
        case .eventPropertyContainsOwner(let key):
            ["kind": "event_property_contains", "key": .string(key.text), "value": owner.json]
        case .containsDisplayName: ["kind": "contains_display_name"]
        case .containsLocalpart:
            [
                "kind": "event_match", "key": .string(PropertyPath.body.text),
                "pattern": .string(owner.localpart),
            ]
        case .roomMemberCount(.equal, let count):
            ["kind": "room_member_count", "is": .string(String(count))]
        case .roomMemberCount(let comparison, let count):
            ["kind": "room_member_count", "is": .string(comparison.rawValue + String(count))]
        case .senderNotificationPermission(let key):
            ["kind": "sender_notification_permission", "key": .string(key)]
        case .unknown(let json): json
        }
    }
}

extension JSON {
    /// Whether conditions can compare it: a text, an integer that canonical JSON has, a boolean or
    /// null.
    var isScalar: Bool {
        switch self {
        case .null, .bool, .string: true
        case .integer(let value): Self.canonicalIntegers.contains(value)
        case .double, .array, .object: false
        }
    }
}

import JSON

/// Somebody who may have to be notified. Made once and kept, since the names are prepared for
/// searching; a class, so that thousands are handed around cheaply.
public final class PushMember: Sendable {
    /// The user.
    public let userID: UserID
    let localpart: PushPattern
    let displayName: PushPattern?

    /// Makes a member.
    ///
    /// - Parameters:
    ///   - userID: The user.
    ///   - displayName: Their name in the room, if they have one.
    public init(_ userID: UserID, displayName: String? = nil) {
        self.userID = userID
        localpart = PushPattern(literal: userID.localpart)
        // Nobody is called by nothing.
        self.displayName = displayName.flatMap { $0.isEmpty ? nil : PushPattern(literal: $0) }
    }
}

/// Asks push rules about one event.
///
/// Made for rooms of thousands of members: what the event is like is found out once; members who
/// share a ruleset are asked for together; and only conditions about a member's own names look at
/// each of them, and only if the event gives cause.
///
/// Specification: client-server, "Push Notifications".
public struct PushEvaluator {
    /// Members whom a rule notifies.
    public struct Match {
        /// The rule.
        public let rule: PushRule
        /// The members, as given.
        public let members: [PushMember]

        /// What it does, `notify` among it.
        public var actions: PushActions { rule.actions }
    }

    private let event: Event
    private let memberCount: Int
    private let levels: PowerLevels
    private let mentionsAreSaid: Bool
    private let body: LoweredText?
    /// What conditions that are the same for everybody came to. Holds on to them, since they are
    /// known by where they are.
    private var known: [ObjectIdentifier: (conditions: PushConditions, hold: Bool)] = [:]
    private var lists: [PropertyPath: Set<String>] = [:]

    /// Prepares to ask about an event.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - memberCount: How many members the room has, after the event.
    ///   - levels: The power levels of the room.
    public init(_ event: Event, memberCount: Int, levels: PowerLevels) {
        self.event = event
        self.memberCount = memberCount
        self.levels = levels
        mentionsAreSaid = event.content["m.mentions"] != nil
        body = PropertyPath.body.value(in: event)?.stringValue.map {
            LoweredText($0, isSearchedOften: true)
        }
    }

    /// The rules of a ruleset that notify members who have it, each member once. Those whom nothing
    /// notifies, and the sender, are left out.
    public mutating func matches(_ ruleset: PushRuleset, for members: [PushMember]) -> [Match] {
        var remaining = members.filter { $0.userID != event.sender }
        var matches: [Match] = []
        for rule in ruleset.rules where rule.isEnabled {
            guard !remaining.isEmpty else { break }
            guard !mentionsAreSaid || !DefaultPushRules.textMentions.contains(rule.name),
                commonHold(rule.conditions)
            else { continue }
            let matched: [PushMember]
            if rule.conditions.personal.isEmpty {
                matched = remaining
                remaining = []
            } else {
                matched = extract(rule.conditions.personal, from: &remaining)
            }
            if rule.actions.notifies, !matched.isEmpty {
                matches.append(Match(rule: rule, members: matched))
            }
        }
        return matches
    }

    /// Takes out the members for whom the conditions hold.
    private mutating func extract(
        _ conditions: [PushCondition], from members: inout [PushMember]
    ) -> [PushMember] {
        for condition in conditions where !givesCause(condition) { return [] }
        // Mostly there is nobody, and nothing to be copied.
        let places = members.indices.filter { index in
            conditions.allSatisfy { holds($0, for: members[index]) }
        }
        guard !places.isEmpty else { return [] }
        let matched = places.map { members[$0] }
        let gone = Set(places)
        members = members.indices.filter { !gone.contains($0) }.map { members[$0] }
        return matched
    }

    /// Whether the condition may hold for anybody. Also prepares what `holds(_:for:)` looks at.
    private mutating func givesCause(_ condition: PushCondition) -> Bool {
        switch condition {
        case .containsDisplayName, .containsLocalpart: return body != nil
        case .eventPropertyContainsOwner(let key):
            if let list = lists[key] { return !list.isEmpty }
            let elements = key.value(in: event)?.arrayValue ?? []
            let list = Set(elements.compactMap(\.stringValue))
            lists[key] = list
            return !list.isEmpty
        case .eventMatchesOwner, .eventMatch, .eventPropertyIs, .eventPropertyContains,
            .roomMemberCount, .senderNotificationPermission, .unknown:
            return true
        }
    }

    private func holds(_ condition: PushCondition, for member: PushMember) -> Bool {
        switch condition {
        case .containsDisplayName:
            guard let body, let name = member.displayName else { return false }
            return name.matches(wordsOf: body)
        case .containsLocalpart: return body.map { member.localpart.matches(wordsOf: $0) } ?? false
        case .eventMatchesOwner(let key): return key.value(in: event) == member.userID.json
        case .eventPropertyContainsOwner(let key):
            return lists[key]?.contains(member.userID.text) ?? false
        case .eventMatch, .eventPropertyIs, .eventPropertyContains, .roomMemberCount,
            .senderNotificationPermission, .unknown:
            return holds(condition)
        }
    }

    private mutating func commonHold(_ conditions: PushConditions) -> Bool {
        let identifier = ObjectIdentifier(conditions)
        if let known = known[identifier] { return known.hold }
        let hold = conditions.common.allSatisfy { holds($0) }
        known[identifier] = (conditions, hold)
        return hold
    }

    private func holds(_ condition: PushCondition) -> Bool {
        switch condition {
        case .eventMatch(PropertyPath.body, let pattern):
            body.map { pattern.matches(wordsOf: $0) } ?? false
        case .eventMatch(let key, let pattern):
            key.value(in: event)?.stringValue.map {
                pattern.matches(whole: LoweredText($0))
            } ?? false
        case .eventPropertyIs(let key, let value):
            key.value(in: event).map { $0.isScalar && $0 == value } ?? false
        case .eventPropertyContains(let key, let value):
            key.value(in: event)?.arrayValue?.contains(value) ?? false
        case .roomMemberCount(let comparison, let count): compare(comparison, count)
        case .senderNotificationPermission(let key):
            levels.level(of: event.sender) >= levels.required(forNotification: key)
        case .eventMatchesOwner, .eventPropertyContainsOwner, .containsDisplayName,
            .containsLocalpart, .unknown:
            false
        }
    }

    private func compare(_ comparison: PushCondition.Comparison, _ count: Int) -> Bool {
        switch comparison {
        case .atMost: memberCount <= count
        case .atLeast: memberCount >= count
        case .equal: memberCount == count
        case .less: memberCount < count
        case .greater: memberCount > count
        }
    }
}

import JSON
import Matrix

/// A room as its events make it, one after the other.
struct RoomReplay {
    struct Member {
        var name: String?
        let joinedAt: Int64
        /// What the member was notified of since then.
        var notices: [(threadID: String, position: Int64, highlights: Bool)] = []
        /// The last thing that the member said in each thread.
        var spoken: [String: Int64] = [:]

        /// What is unread in each thread.
        func tallies(
            _ receipts: [PushRecomputation.Context.Receipt]
        ) -> [String: PushRecomputation.Tally] {
            var tallies: [String: PushRecomputation.Tally] = [:]
            for notice in notices {
                let isRead = receipts.contains { receipt in
                    receipt.position >= notice.position
                        && (receipt.threadID == nil || receipt.threadID == notice.threadID)
                }
                if isRead || spoken[notice.threadID] ?? 0 >= notice.position { continue }
                tallies[notice.threadID, default: .init()].notifications += 1
                if notice.highlights { tallies[notice.threadID]?.highlights += 1 }
            }
            return tallies
        }
    }

    let version: RoomVersion
    private(set) var members: [String: Member] = [:]
    private var state: StateMap<Event> = [:]
    private var threads: [String: String] = [:]

    init(version: RoomVersion) { self.version = version }

    mutating func take(
        _ event: Event, at position: Int64, isRedacted: Bool, rules: RuleHistory,
        context: PushRecomputation.Context
    ) {
        if let place = event.statePlace { state[place] = event }
        takeMembership(event, at: position)
        let thread = thread(of: event)
        if event.stateKey == nil, event.redacts == nil {
            members[event.sender.text]?.spoken[thread] = position
        }
        if isRedacted { return }
        let levels = PowerLevels(state: state, version: version)
        for (userID, member) in members where context.isLocal(userID) {
            if userID == event.sender.text { continue }
            if context.ignored[userID]?.contains(event.sender.text) == true { continue }
            var evaluator = PushEvaluator(event, memberCount: members.count, levels: levels)
            let person = PushMember(UserID(trusted: userID), displayName: member.name)
            let ruleset = rules.ruleset(of: userID, at: position)
            guard let match = evaluator.matches(ruleset, for: [person]).first else { continue }
            members[userID]?.notices.append((thread, position, match.actions.highlights))
        }
    }

    private mutating func takeMembership(_ event: Event, at position: Int64) {
        guard event.type == EventType.member, let userID = event.stateKey else { return }
        guard event.membership == .join else {
            members[userID] = nil
            return
        }
        var member = members[userID] ?? Member(joinedAt: position)
        member.name = event.content["displayname"]?.stringValue
        members[userID] = member
    }

    private mutating func thread(of event: Event) -> String {
        guard let relation = EventRelation(event.content) else { return "main" }
        if relation.kind == .thread {
            threads[event.eventID.text] = relation.eventID.text
            return relation.eventID.text
        }
        return threads[relation.eventID.text] ?? "main"
    }
}

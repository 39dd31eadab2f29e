import Matrix
import Reactor
import Storage

/// What has to be read before a draft's events can be told to push rules.
struct PushPreparation {
    let roster: PushRoster
    /// One for each event of the draft.
    var contexts: [PushContext] = []
    /// The rules of those who come, if they changed them.
    var rulesets: [String: PushRuleset] = [:]
}

extension RoomService {
    /// Reads what notifying of a draft's events needs to know, as far as it is not in memory. For the holder of the
    /// room's lock.
    func preparePush(
        _ draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> PushPreparation {
        let roster: PushRoster
        if let known = draft.room.roster {
            roster = known
        } else {
            roster = try await audience.roster(of: draft.room, on: loop)
            draft.room.roster = roster
        }
        var preparation = PushPreparation(roster: roster)
        var state: StateMap<Event> = [:]
        for place in [StateKey.create, .powerLevels] {
            state[place] = try await event(at: place, of: draft, on: loop)
        }
        let levels = roster.powerLevels(state, version: draft.room.version)
        for (event, new) in zip(draft.events, draft.submission.events) {
            var context = PushContext(levels: levels)
            context.ignoring = try await audience.usersIgnoring(event.sender.text, on: loop)
            context.threadID = try await thread(of: new, in: draft, on: loop)
            preparation.contexts.append(context)
        }
        try await readRulesets(of: draft, into: &preparation, on: loop)
        return preparation
    }

    /// Reads the rules of those who are invited or come. Comes last: a change after that reaches the roster.
    private func readRulesets(
        of draft: RoomDraft, into preparation: inout PushPreparation, on loop: isolated EventLoop
    ) async throws {
        let newcomers = draft.submission.events.compactMap(\.membership).filter {
            $0.isLocal && !$0.wasJoined && ["invite", "join"].contains($0.membership)
        }
        while true {
            let generation = audience.generation
            preparation.rulesets = try await audience.rulesets(
                of: newcomers.map(\.userID), on: loop)
            if generation == audience.generation { break }
        }
        for (index, new) in draft.submission.events.enumerated() {
            guard let member = new.membership, member.membership == "invite", member.isLocal
            else { continue }
            preparation.contexts[index].invited = (
                PushMember(UserID(trusted: member.userID), displayName: member.displayName),
                preparation.rulesets[member.userID] ?? .default
            )
        }
    }

    /// The thread in which an event counts as unread: that of what it relates to.
    private func thread(
        of new: NewEvent, in draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> String {
        guard let relation = new.relation else { return "main" }
        if relation.type == "m.thread" { return relation.eventID }
        if let related = draft.event(relation.eventID) {
            let outer = EventRelation(related.content)
            return outer?.kind == .thread ? outer?.eventID.text ?? "main" : "main"
        }
        return try await audience.thread(ofEvent: relation.eventID, on: loop) ?? "main"
    }

    /// Finds out who is notified of a draft's events, and brings the roster up to date.
    func addPush(_ draft: RoomDraft, _ preparation: PushPreparation) {
        let roster = preparation.roster
        for (index, event) in draft.events.enumerated() {
            if let membership = draft.submission.events[index].membership {
                roster.take(
                    event, wasJoined: membership.wasJoined, isLocal: membership.isLocal,
                    ruleset: preparation.rulesets[membership.userID] ?? .default)
            }
            draft.setPush(roster.push(event, preparation.contexts[index]), at: index)
        }
    }

    /// A user has other push rules now.
    func pushRulesChanged(_ ruleset: PushRuleset, of userID: String) {
        rooms.forEach { $0.roster?.setRuleset(ruleset, of: userID) }
    }
}

import JSON
import Matrix
import Storage

/// Who may have to be notified of a room's next event: this server's members with their names and rules. Kept with the
/// room in memory and brought up to date by its events, those on their way to the database among them.
final class PushRoster {
    private struct Entry {
        let member: PushMember
        let ruleset: PushRuleset
    }

    private var entries: [String: Entry] = [:]
    /// The same members by their rules; most have the same ones.
    private var groups: [PushRuleset: [PushMember]] = [:]
    /// How many members the room has, those of other servers among them.
    private var joined: Int
    private var levels: (events: [String?], levels: PowerLevels)?

    /// How many changes of rules there had been when it was read.
    let generation: Int

    /// A roster of a room with so many members of all servers.
    init(joined: Int, generation: Int) {
        self.joined = joined
        self.generation = generation
    }

    /// Adds a member who is not in it.
    func insert(_ member: PushMember, _ ruleset: PushRuleset) {
        entries[member.userID.text] = Entry(member: member, ruleset: ruleset)
        groups[ruleset, default: []].append(member)
    }

    private func remove(_ userID: String) -> Entry? {
        guard let entry = entries.removeValue(forKey: userID) else { return nil }
        // Taken out of the dictionary, so that it is not copied.
        var group = groups.removeValue(forKey: entry.ruleset) ?? []
        if let index = group.firstIndex(where: { $0 === entry.member }) {
            group.swapAt(index, group.count - 1)
            group.removeLast()
        }
        if !group.isEmpty { groups[entry.ruleset] = group }
        return entry
    }

    /// Gives a user other rules, if they are a member.
    func setRuleset(_ ruleset: PushRuleset, of userID: String) {
        guard let entry = remove(userID) else { return }
        insert(entry.member, ruleset)
    }

    /// Takes a membership event in. `ruleset` is that of the user, for those who come.
    func take(_ event: Event, wasJoined: Bool, isLocal: Bool, ruleset: PushRuleset) {
        guard let userID = event.stateKey, let membership = event.membership else { return }
        let isJoined = membership == .join
        joined += (isJoined ? 1 : 0) - (wasJoined ? 1 : 0)
        let known = remove(userID)
        guard isJoined, isLocal else { return }
        let member = PushMember(
            UserID(trusted: userID), displayName: event.content["displayname"]?.stringValue)
        insert(member, known?.ruleset ?? ruleset)
    }

    /// The power levels that these events say, made only if they are other ones than before.
    func powerLevels(_ state: StateMap<Event>, version: RoomVersion) -> PowerLevels {
        let events = [StateKey.create, .powerLevels].map { state[$0]?.eventID.text }
        if let levels, levels.events == events { return levels.levels }
        let fresh = PowerLevels(state: state, version: version)
        levels = (events, fresh)
        return fresh
    }

    /// Who is notified of an event; nil for nobody.
    func push(_ event: Event, _ context: PushContext) -> NewEvent.Push? {
        var evaluator = PushEvaluator(event, memberCount: joined, levels: context.levels)
        var outcomes: [(actions: PushActions, members: [PushMember])] = []
        func note(_ actions: PushActions, _ members: [PushMember]) {
            let listening =
                context.ignoring.isEmpty
                ? members : members.filter { !context.ignoring.contains($0.userID.text) }
            guard !listening.isEmpty else { return }
            if let index = outcomes.firstIndex(where: { $0.actions == actions }) {
                outcomes[index].members += listening
            } else {
                outcomes.append((actions, listening))
            }
        }
        for (ruleset, members) in groups {
            for match in evaluator.matches(ruleset, for: members) {
                note(match.actions, match.members)
            }
        }
        let audience = entries.count - (entries[event.sender.text] == nil ? 0 : 1)
        let silent = audience - outcomes.reduce(0) { $0 + $1.members.count }
        var push = NewEvent.Push(threadID: context.threadID, common: nil, own: [])
        // What happens to most is said once.
        let largest = outcomes.indices.max {
            outcomes[$0].members.count < outcomes[$1].members.count
        }
        if let largest, outcomes[largest].members.count > silent {
            push.common = NewEvent.PushAction(outcomes[largest].actions)
            if silent > 0 {
                let notified = Set(outcomes.flatMap { $0.members.map(\.userID.text) })
                for userID in entries.keys
                where userID != event.sender.text && !notified.contains(userID) {
                    push.own.append((userID, .none))
                }
            }
            outcomes.remove(at: largest)
        }
        for (actions, members) in outcomes {
            let action = NewEvent.PushAction(actions)
            push.own += members.map { ($0.userID.text, action) }
        }
        if let guest = context.invited, !context.ignoring.contains(guest.member.userID.text) {
            for match in evaluator.matches(guest.ruleset, for: [guest.member]) {
                push.own.append(
                    (guest.member.userID.text, NewEvent.PushAction(match.actions)))
            }
        }
        return push.common == nil && push.own.isEmpty ? nil : push
    }
}

/// What decides over notifications beside the members and their rules.
struct PushContext {
    var levels: PowerLevels
    /// Who does not want to hear of the event's sender.
    var ignoring: Set<String> = []
    /// The root of the thread that the event is in, or `main`.
    var threadID = "main"
    /// A user of this server whom the event invites.
    var invited: (member: PushMember, ruleset: PushRuleset)?
}

extension NewEvent.PushAction {
    /// What a rule that notifies does.
    init(_ actions: PushActions) {
        self.init(
            actions: String(decoding: actions.json.bytes, as: UTF8.self),
            notifies: actions.notifies, highlights: actions.highlights)
    }
}

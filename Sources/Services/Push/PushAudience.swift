import Matrix
import Postgres
import Reactor
import Storage

/// Reads what notifying needs to know, once, and keeps it current. On the main process's loop.
final class PushAudience {
    private let pool: PostgresPool
    private let rules: PushRuleService
    /// Who ignores each sender. Two generations: what was used since the last turn, and what was used before it.
    private var young: [String: Set<String>] = [:]
    private var old: [String: Set<String>] = [:]
    private var ignoranceGeneration = 0
    private static let sendersMax = 20_000
    /// Users as they are called in most of their rooms, prepared for searching once for all of them.
    private var people: [String: (name: String?, member: PushMember)] = [:]
    private static let peopleMax = 100_000

    init(pool: PostgresPool, rules: PushRuleService) {
        self.pool = pool
        self.rules = rules
    }

    /// The roster of a room as the tables have it: nothing may be on its way to them.
    func roster(of room: Room, on loop: isolated EventLoop) async throws -> PushRoster {
        while true {
            let generation = rules.generation
            let members = try await PushRosters.members(
                roomID: room.roomID.text, in: pool, on: loop)
            let rulesets = try await rules.rulesets(of: members.map(\.userID), on: loop)
            // A rule that changed meanwhile may or may not be among them.
            guard generation == rules.generation else { continue }
            let joined = room.state.values.count { $0.membership == .join }
            let roster = PushRoster(joined: joined, generation: generation)
            for (userID, name) in members {
                roster.insert(member(userID, called: name), rulesets[userID] ?? .default)
            }
            return roster
        }
    }

    /// A member of a room, shared with other rooms where the user is called the same.
    private func member(_ userID: String, called name: String?) -> PushMember {
        if let known = people[userID], known.name == name { return known.member }
        let member = PushMember(UserID(trusted: userID), displayName: name)
        if people.count >= Self.peopleMax { people.removeAll() }
        people[userID] = (name, member)
        return member
    }

    /// The rules of those among some users who changed them.
    func rulesets(
        of userIDs: [String], on loop: isolated EventLoop
    ) async throws -> [String: PushRuleset] {
        userIDs.isEmpty ? [:] : try await rules.rulesets(of: userIDs, on: loop)
    }

    /// Counts changes of rules.
    var generation: Int { rules.generation }

    /// Who does not want to hear of a user.
    func usersIgnoring(
        _ sender: String, on loop: isolated EventLoop
    ) async throws -> Set<String> {
        if let known = young[sender] { return known }
        if let known = old[sender] {
            keep(known, of: sender)
            return known
        }
        while true {
            let generation = ignoranceGeneration
            let users = try await PushRosters.usersIgnoring(sender, in: pool, on: loop)
            guard generation == ignoranceGeneration else { continue }
            keep(Set(users), of: sender)
            return Set(users)
        }
    }

    private func keep(_ users: Set<String>, of sender: String) {
        if young.count >= Self.sendersMax / 2 {
            old = young
            young = [:]
        }
        young[sender] = users
    }

    /// Somebody ignores other users than before.
    func forgetIgnorance() {
        ignoranceGeneration += 1
        young.removeAll()
        old.removeAll()
    }

    /// The root of the thread that an event is in.
    func thread(ofEvent eventID: String, on loop: isolated EventLoop) async throws -> String? {
        try await PushRosters.thread(ofEvent: eventID, in: pool, on: loop)
    }
}

public import JSON
public import Matrix
import Postgres
public import Reactor
import ReplicationWire
import Storage

/// The push rules of users: reading and changing them. On the main process's loop.
public final class PushRuleService {
    private let pool: PostgresPool
    private let events: StreamIDGenerator
    private let announcements: OrderedAnnouncements
    /// One change after the other, so that whoever keeps rules hears of them in order.
    private let lock = AsyncLock()
    /// Counts changes.
    private(set) var generation = 0
    /// Is told of each change, once it is committed.
    var changed: ((_ userID: String, _ ruleset: PushRuleset) -> Void)?

    init(pool: PostgresPool, ids: StreamIDGenerators, publisher: any StreamPublisher) {
        self.pool = pool
        events = ids.events
        announcements = OrderedAnnouncements(ids: ids.pushRules, publisher: publisher)
    }

    /// How many rules a user may write.
    static let rulesMax = 2_000
    /// The longest name of a rule, in bytes; room and user ids are names.
    static let nameBytesMax = 255

    // MARK: Reading

    /// A user's rules.
    public func ruleset(
        of userID: String, on loop: isolated EventLoop
    ) async throws -> PushRuleset {
        try await rulesets(of: [userID], on: loop)[userID] ?? .default
    }

    /// The rules of those among some users who changed them.
    func rulesets(
        of userIDs: [String], on loop: isolated EventLoop
    ) async throws -> [String: PushRuleset] {
        try await PushRules.changes(ofUsers: userIDs, in: pool, on: loop)
            .mapValues { PushRuleset($0) }
    }

    /// One rule of a user. Throws M_NOT_FOUND.
    public func rule(
        _ name: PushRule.Name, of userID: String, on loop: isolated EventLoop
    ) async throws -> PushRule {
        guard let rule = try await ruleset(of: userID, on: loop).rule(name) else {
            throw MatrixError.notFound("There is no such push rule")
        }
        return rule
    }

    // MARK: Changing

    /// Stores a rule that a user wrote, in place of one of the same name. `before` and `after` name other rules of
    /// theirs of the same kind.
    public func put(
        _ name: PushRule.Name, _ body: JSON, before: String?, after: String?, of userID: String,
        on loop: isolated EventLoop
    ) async throws {
        try Self.check(name)
        let text = try PushRuleText(name, body)
        var neighbour: PushRules.Neighbour?
        if let before {
            neighbour = .before(PushRule.Name(name.kind, before).stored)
        } else if let after {
            neighbour = .after(PushRule.Name(name.kind, after).stored)
        }
        let ruleset = try await ruleset(of: userID, on: loop)
        guard ruleset.rules.count < Self.rulesMax || ruleset.rule(name) != nil else {
            throw MatrixError(400, "M_UNKNOWN", "There are too many push rules")
        }
        let rule = PushRules.Rule(
            name: name.stored, priorityClass: name.kind.priorityClass,
            conditions: text.conditions, actions: text.actions)
        try await change(of: userID, on: loop) { place, connection in
            let isStored = try await PushRules.put(
                rule, of: userID, beside: neighbour, at: place, in: connection, on: loop)
            guard isStored else {
                throw MatrixError(400, "M_UNKNOWN", "before/after rule not found")
            }
        }
    }

    /// Deletes a rule that a user wrote. Throws M_NOT_FOUND; the server's cannot be deleted.
    public func delete(
        _ name: PushRule.Name, of userID: String, on loop: isolated EventLoop
    ) async throws {
        try await change(of: userID, on: loop) { place, connection in
            let isDeleted = try await PushRules.delete(
                name.stored, of: userID, at: place, in: connection, on: loop)
            guard isDeleted else { throw MatrixError.notFound("There is no such push rule") }
        }
    }

    /// Switches a rule on or off. Throws M_NOT_FOUND.
    public func setEnabled(
        _ body: JSON, _ name: PushRule.Name, of userID: String, on loop: isolated EventLoop
    ) async throws {
        guard let value = body["enabled"] else { throw MatrixError.missingParameter("enabled") }
        guard let isEnabled = value.boolValue else {
            throw MatrixError.badJSON("enabled must be a boolean")
        }
        _ = try await rule(name, of: userID, on: loop)
        try await change(of: userID, on: loop) { place, connection in
            try await PushRules.setEnabled(
                isEnabled, name.stored, of: userID, at: place, in: connection, on: loop)
        }
    }

    /// Gives a rule other actions. Throws M_NOT_FOUND.
    public func setActions(
        _ body: JSON, _ name: PushRule.Name, of userID: String, on loop: isolated EventLoop
    ) async throws {
        let actions = try PushRuleText.actions(in: body)
        let isDefault = try await rule(name, of: userID, on: loop).isDefault
        try await change(of: userID, on: loop) { place, connection in
            try await PushRules.setActions(
                actions, name.stored, isDefault: isDefault, of: userID, at: place,
                in: connection, on: loop)
        }
    }

    private func change(
        of userID: String, on loop: isolated EventLoop,
        _ body: (PushRules.Place, PostgresConnection) async throws -> Void
    ) async throws {
        await lock.acquire(on: loop)
        defer { lock.release(on: loop) }
        let ruleset = try await announcements.store(from: pool, on: loop) { streamID in
            let place = PushRules.Place(streamID: streamID, eventPosition: events.position)
            let changes = try await pool.transaction(on: loop) { connection in
                try await body(place, connection)
                return try await PushRules.changes(
                    ofUsers: [userID], in: connection, on: loop)
            }
            let row = ReplicationRow.pushRules(PushRulesStreamRow(userID: userID))
            let ruleset = changes[userID].map { PushRuleset($0) } ?? .default
            generation += 1
            changed?(userID, ruleset)
            return (ruleset, .pushRules, [row])
        }
        _ = ruleset
    }

    private static func check(_ name: PushRule.Name) throws(MatrixError) {
        guard !name.id.isEmpty, name.id.utf8.count <= nameBytesMax else {
            throw .invalidParameter("The rule's id must be 1 to \(nameBytesMax) bytes long")
        }
        guard !name.id.hasPrefix(".") else {
            throw .invalidParameter("Ids that start with a dot are the server's")
        }
        // User ids may hold slashes.
        guard name.kind == .sender || !name.id.contains(where: { $0 == "/" || $0 == "\\" }) else {
            throw .invalidParameter("The rule's id may not contain slashes")
        }
    }
}

/// The parts of a rule that a client wrote, as the tables hold them.
private struct PushRuleText {
    let conditions: String
    let actions: String

    /// Throws M_MISSING_PARAM or M_BAD_JSON.
    init(_ name: PushRule.Name, _ body: JSON) throws(MatrixError) {
        actions = try Self.actions(in: body)
        let conditions: [JSON] =
            switch name.kind {
            case .override, .underride: try Self.conditions(in: body)
            case .content:
                [["kind": "event_match", "key": "content.body", "pattern": try Self.pattern(body)]]
            case .room: [["kind": "event_match", "key": "room_id", "pattern": .string(name.id)]]
            case .sender: [["kind": "event_match", "key": "sender", "pattern": .string(name.id)]]
            }
        self.conditions = String(decoding: JSON.array(conditions).bytes, as: UTF8.self)
    }

    static func actions(in body: JSON) throws(MatrixError) -> String {
        guard let value = body["actions"] else { throw .missingParameter("actions") }
        guard let actions = PushActions(value) else {
            throw .badJSON("actions must be a list of notify and set_tweak")
        }
        return String(decoding: actions.json.bytes, as: UTF8.self)
    }

    private static func conditions(in body: JSON) throws(MatrixError) -> [JSON] {
        guard let value = body["conditions"] else { return [] }
        guard let conditions = value.arrayValue,
            conditions.allSatisfy({ $0["kind"]?.stringValue != nil })
        else { throw .badJSON("conditions must be a list of objects with a kind") }
        return conditions
    }

    private static func pattern(_ body: JSON) throws(MatrixError) -> JSON {
        guard let value = body["pattern"] else { throw .missingParameter("pattern") }
        guard value.stringValue != nil else { throw .badJSON("pattern must be a string") }
        return value
    }
}

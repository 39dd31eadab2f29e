public import Postgres
public import Reactor

extension PushRules {
    /// Where a change stands in the streams.
    public struct Place: Sendable {
        /// Its position in the stream of push rules.
        public let streamID: Int64
        /// How far events had come.
        public let eventPosition: Int64

        /// A place at these positions.
        public init(streamID: Int64, eventPosition: Int64) {
            self.streamID = streamID
            self.eventPosition = eventPosition
        }
    }

    /// Where a rule goes among those of its kind.
    public enum Neighbour: Sendable, Hashable {
        /// Just before, so that it is asked first.
        case before(String)
        /// Just after.
        case after(String)

        var name: String {
            switch self {
            case .before(let name), .after(let name): name
            }
        }
    }

    private static let priorityOf = Statement(
        "push_rules_priority",
        """
        SELECT priority FROM push_rules
        WHERE user_name = $1 AND rule_id = $2 AND priority_class = $3
        """)

    private static let makeRoom = Statement(
        "push_rules_make_room",
        """
        UPDATE push_rules SET priority = priority + 1
        WHERE user_name = $1 AND priority_class = $2 AND priority >= $3
        """)

    // Without a priority in $4 the rule comes before all others of its class.
    private static let upsert = Statement(
        "push_rules_upsert",
        """
        INSERT INTO push_rules
            (user_name, rule_id, priority_class, priority, conditions, actions)
        SELECT $1, $2, $3::smallint,
            coalesce($4::integer, (SELECT coalesce(max(priority) + 1, 0) FROM push_rules
                WHERE user_name = $1 AND priority_class = $3::smallint)), $5, $6
        ON CONFLICT (user_name, rule_id) DO UPDATE SET
            priority_class = EXCLUDED.priority_class, priority = EXCLUDED.priority,
            conditions = EXCLUDED.conditions, actions = EXCLUDED.actions
        """)

    private static let enableNew = Statement(
        "push_rules_enable_new",
        """
        INSERT INTO push_rules_enable (user_name, rule_id, enabled) VALUES ($1, $2, 1)
        ON CONFLICT (user_name, rule_id) DO NOTHING
        """)

    private static let enable = Statement(
        "push_rules_enable_set",
        """
        INSERT INTO push_rules_enable (user_name, rule_id, enabled) VALUES ($1, $2, $3)
        ON CONFLICT (user_name, rule_id) DO UPDATE SET enabled = EXCLUDED.enabled
        """)

    private static let act = Statement(
        "push_rules_act",
        "UPDATE push_rules SET actions = $3 WHERE user_name = $1 AND rule_id = $2")

    private static let delete = Statement(
        "push_rules_delete",
        """
        DELETE FROM push_rules WHERE user_name = $1 AND rule_id = $2 AND priority_class <> -1
        RETURNING 1
        """)

    private static let disableDeleted = Statement(
        "push_rules_enable_delete",
        "DELETE FROM push_rules_enable WHERE user_name = $1 AND rule_id = $2")

    private static let record = Statement(
        "push_rules_stream_insert",
        """
        INSERT INTO push_rules_stream
            (stream_id, event_stream_ordering, user_id, rule_id, op, priority_class, priority,
            conditions, actions, instance_name)
        SELECT $1, $2, $3, $4, $5, r.priority_class, r.priority, r.conditions, r.actions, 'master'
        FROM (SELECT) AS one LEFT JOIN push_rules r
            ON r.user_name = $3 AND r.rule_id = $4 AND $5 IN ('ADD', 'ACTIONS')
        """)

    /// Stores a rule that a user wrote, before all others of its kind or beside one. False if that one is not there.
    ///
    /// To be run in a transaction.
    public static func put(
        _ rule: Rule, of userID: String, beside neighbour: Neighbour?, at place: Place,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        var priority: Int64?
        if let neighbour {
            let rows = try await database.query(
                priorityOf,
                [.text(userID), .text(neighbour.name), .integer(rule.priorityClass)], on: loop)
            guard let found = try rows.firstInteger else { return false }
            if case .before = neighbour { priority = found + 1 } else { priority = found }
        }
        var commands: [Command] = []
        if let priority {
            commands.append(
                (
                    makeRoom,
                    [.text(userID), .integer(rule.priorityClass), .integer(priority)]
                ))
        }
        commands.append(
            (
                upsert,
                [
                    .text(userID), .text(rule.name), .integer(rule.priorityClass),
                    PostgresValue(priority), .text(rule.conditions), .text(rule.actions),
                ]
            ))
        commands.append((enableNew, [.text(userID), .text(rule.name)]))
        commands.append(recording("ADD", rule.name, of: userID, at: place))
        _ = try await database.queryAll(commands, on: loop)
        return true
    }

    /// Deletes a rule that a user wrote. False if there is none. To be run in a transaction.
    public static func delete(
        _ name: String, of userID: String, at place: Place, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(delete, [.text(userID), .text(name)], on: loop)
        guard !rows.isEmpty else { return false }
        _ = try await database.queryAll(
            [
                (disableDeleted, [.text(userID), .text(name)]),
                recording("DELETE", name, of: userID, at: place),
            ], on: loop)
        return true
    }

    /// Switches a rule on or off. To be run in a transaction.
    public static func setEnabled(
        _ isEnabled: Bool, _ name: String, of userID: String, at place: Place,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.queryAll(
            [
                (enable, [.text(userID), .text(name), .integer(isEnabled ? 1 : 0)]),
                recording(isEnabled ? "ENABLE" : "DISABLE", name, of: userID, at: place),
            ], on: loop)
    }

    /// Gives a rule other actions; one of the server's with `isDefault`. To be run in a transaction.
    public static func setActions(
        _ actions: String, _ name: String, isDefault: Bool, of userID: String, at place: Place,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        let change: Command =
            if isDefault {
                (
                    upsert,
                    [
                        .text(userID), .text(name), .integer(serverClass), .integer(1),
                        .text("[]"), .text(actions),
                    ]
                )
            } else {
                (act, [.text(userID), .text(name), .text(actions)])
            }
        _ = try await database.queryAll(
            [change, recording("ACTIONS", name, of: userID, at: place)], on: loop)
    }

    private static func recording(
        _ operation: String, _ name: String, of userID: String, at place: Place
    ) -> Command {
        (
            record,
            [
                .integer(place.streamID), .integer(place.eventPosition), .text(userID),
                .text(name), .text(operation),
            ]
        )
    }
}

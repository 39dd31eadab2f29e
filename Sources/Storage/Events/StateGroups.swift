public import Postgres
public import Reactor

/// The state of rooms at every event: tables `state_groups`, `state_groups_state`,
/// `state_group_edges` and `event_to_state_groups`.
///
/// A group is a change to an older group, or all of the state.
public enum StateGroups {
    static let schema = """
        CREATE TABLE state_groups (
            id bigint PRIMARY KEY,
            room_id text NOT NULL,
            event_id text NOT NULL
        );
        -- Purging a room deletes its groups.
        CREATE INDEX state_groups_room_id_idx ON state_groups (room_id);

        CREATE TABLE state_groups_state (
            state_group bigint NOT NULL,
            room_id text NOT NULL,
            type text NOT NULL,
            state_key text NOT NULL,
            event_id text NOT NULL
        );
        -- A group's changes, or its value for one key: state_groups_whole, state_groups_one,
        -- state_groups_visibility.
        CREATE INDEX state_groups_state_type_idx
            ON state_groups_state (state_group, type, state_key);

        CREATE TABLE state_group_edges (
            state_group bigint NOT NULL,
            prev_state_group bigint NOT NULL
        );
        -- From a group to the one it changes: the same, and state_groups_hops.
        CREATE UNIQUE INDEX state_group_edges_unique_idx
            ON state_group_edges (state_group, prev_state_group);
        -- From a group to those that build on it, before deleting it.
        CREATE INDEX state_group_edges_prev_idx ON state_group_edges (prev_state_group);

        CREATE TABLE event_to_state_groups (
            event_id text NOT NULL,
            state_group bigint NOT NULL,
            UNIQUE (event_id)
        );
        -- Whether a group is still in use, before it is deleted.
        CREATE INDEX event_to_state_groups_sg_index ON event_to_state_groups (state_group);

        CREATE SEQUENCE state_group_id_seq;
        """

    /// How many changes may lie between a group and one that holds all of the state.
    ///
    /// Reading a group walks that far; a higher number saves rows, a lower one time.
    public static let hopsMax: Int64 = 100

    private static let insertGroups = Statement(
        "state_groups_insert",
        """
        INSERT INTO state_groups (id, room_id, event_id)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
        """)

    private static let insertEntries = Statement(
        "state_groups_state_insert",
        """
        INSERT INTO state_groups_state (state_group, room_id, type, state_key, event_id)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
        """)

    private static let insertEdges = Statement(
        "state_group_edges_insert",
        """
        INSERT INTO state_group_edges (state_group, prev_state_group)
        SELECT * FROM unnest($1::bigint[], $2::bigint[])
        """)

    private static let insertEvents = Statement(
        "event_to_state_groups_insert",
        """
        INSERT INTO event_to_state_groups (event_id, state_group)
        SELECT * FROM unnest($1::text[], $2::bigint[])
        """)

    private static let chain = """
        WITH RECURSIVE chain (state_group, hops) AS (
            SELECT $1::bigint, 0::bigint
            UNION ALL
            SELECT e.prev_state_group, c.hops + 1
            FROM state_group_edges e JOIN chain c ON e.state_group = c.state_group
        )
        """

    private static let countHops = Statement(
        "state_groups_hops", "\(chain) SELECT max(hops) FROM chain")

    // OFFSET 0 keeps the planner from joining the chain, whose length it overrates, by walking the table.
    private static let wholeState = Statement(
        "state_groups_whole",
        """
        \(chain) SELECT DISTINCT ON (s.type, s.state_key) s.type, s.state_key, s.event_id
        FROM chain c CROSS JOIN LATERAL (
            SELECT * FROM state_groups_state x WHERE x.state_group = c.state_group OFFSET 0
        ) s
        ORDER BY s.type, s.state_key, c.hops
        """)

    private static let oneKey = Statement(
        "state_groups_one",
        """
        \(chain) SELECT s.event_id FROM chain c CROSS JOIN LATERAL (
            SELECT * FROM state_groups_state x
            WHERE x.state_group = c.state_group AND x.type = $2 AND x.state_key = $3 OFFSET 0
        ) s
        ORDER BY c.hops LIMIT 1
        """)

    /// The inserts for a batch.
    static func insertion(_ batch: [PositionedEvent], groups: [NewStateGroup]) -> [Command] {
        var commands: [Command] = []
        if !groups.isEmpty {
            let entries = groups.flatMap { group in group.entries.map { (group, $0) } }
            let changes = groups.compactMap { group in group.previous.map { (group.id, $0) } }
            commands.append(
                (
                    insertGroups,
                    [
                        .integerArray(groups.map(\.id)), .textArray(groups.map(\.roomID)),
                        .textArray(groups.map(\.eventID)),
                    ]
                ))
            commands.append(
                (
                    insertEntries,
                    [
                        .integerArray(entries.map(\.0.id)), .textArray(entries.map(\.0.roomID)),
                        .textArray(entries.map(\.1.type)), .textArray(entries.map(\.1.stateKey)),
                        .textArray(entries.map(\.1.eventID)),
                    ]
                ))
            if !changes.isEmpty {
                commands.append(
                    (
                        insertEdges,
                        [.integerArray(changes.map(\.0)), .integerArray(changes.map(\.1))]
                    ))
            }
        }
        commands.append(
            (
                insertEvents,
                [
                    .textArray(batch.map(\.event.eventID)),
                    .integerArray(batch.map(\.event.stateGroup)),
                ]
            ))
        return commands
    }

    /// How many changes lie between a group and one that holds all of the state.
    public static func hops(
        of group: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(countHops, [.integer(group)], on: loop).firstInteger ?? 0
    }

    /// The whole state of a group.
    public static func entries(
        of group: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [NewStateGroup.Entry] {
        let rows = try await database.query(wholeState, [.integer(group)], on: loop)
        var entries: [NewStateGroup.Entry] = []
        entries.reserveCapacity(rows.count)
        for row in rows {
            entries.append(
                NewStateGroup.Entry(
                    type: try row.text(0), stateKey: try row.text(1), eventID: try row.text(2)))
        }
        return entries
    }

    /// The event that holds one piece of a group's state.
    public static func eventID(
        group: Int64, type: String, stateKey: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(
            oneKey, [.integer(group), .text(type), .text(stateKey)], on: loop
        ).first?.text(0)
    }
}

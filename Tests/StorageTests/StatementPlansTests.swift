import Foundation
import JSON
import Matrix
import Postgres
import PostgresCluster
import Reactor
import Testing

@testable import Storage

/// What PostgreSQL does for each statement of `Sources/Storage` in a database of some size.
@Suite struct StatementPlansTests {
    /// Statements that may walk a table from end to end, with the reason.
    private static let walkers: [String: String] = [
        "room_listings_count": "all published rooms are counted, in an index",
        "room_listings_count_matching": "a search looks at every published room",
        "room_listings_page": "so does a page of what was found",
        "presence_not_offline": "everybody who is online is wanted, once, at the start",
        "schema_read_steps": "a row for each migration",
        "schema_read_version": "one row",
        "former_writers": "the server's sessions",
        "users_pending_deactivation_list": "all are wanted, and they are few",
        "users_pending_deactivation_delete": "they are few",
    ]
    /// Reading a smaller one from end to end is as quick as asking an index.
    private static let rowsOfLargeTable: Int64 = 4_000
    /// Tables that every message is added to.
    private static let busy = [
        "events", "event_json", "event_edges", "event_auth", "event_forward_extremities",
        "event_to_state_groups", "event_txn_id_device_id",
    ]
    /// Indexes of those that no statement asks, with the reason why they are kept.
    private static let kept: [String: String] = [
        "event_contains_url_index": "lists of a room's files; few events are in it",
        "events_received_ts": "lag metrics; only memberships are in it",
        "event_edges_event_id_prev_event_id_idx": "keeps an edge from being stored twice",
        "ev_edges_prev_id": "what follows an event: backfilling and purging",
        "evauth_edges_id": "auth chains, for state resolution and other servers",
        "ev_extrem_room": "the ends of a room; there are too few rooms here",
        "event_forward_extremities_event_id_room_id_key": "the same",
        "event_to_state_groups_sg_index": "whether a group is in use, before it is deleted",
    ]

    @Test func everyStatementFindsItsRowsByAnIndex() throws {
        let sources = try StatementSources()
        #expect(sources.texts.count > 150)
        let (plans, large, indexes) = try withRooms { pool, loop in
            var texts = sources.texts
            for statement in Composed.statements { texts[statement.name] = statement.sql }
            #expect(
                sources.composed.subtracting(texts.keys) == [],
                "put together, so Composed must name them")
            // The plan for any parameters, and no other because these happen to be null.
            try await pool.execute(script: "SET plan_cache_mode = force_generic_plan", on: loop)
            var plans: [Plan] = []
            for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
                do {
                    try await pool.execute(script: "PREPARE plan_\(name) AS \(text)", on: loop)
                    let plan = try await Plan(name, prepared: "plan_\(name)", pool, on: loop)
                    plans.append(plan)
                } catch {
                    Issue.record("\(name): \(error)")
                }
            }
            let large = try await pool.table(
                "SELECT relname FROM pg_class WHERE reltuples >= \(Self.rowsOfLargeTable)", on: loop
            )
            let tables = Self.busy.map { "'\($0)'" }.joined(separator: ", ")
            let indexes = try await pool.table(
                "SELECT indexname FROM pg_indexes WHERE tablename IN (\(tables))", on: loop)
            return (plans, Set(large.compactMap { $0[0] }), Set(indexes.compactMap { $0[0] }))
        }
        for plan in plans where Self.walkers[plan.statement] == nil {
            let walked = plan.walked.intersection(large)
            #expect(walked == [], "\(plan.statement) walks \(walked.sorted())\n\(plan.text)")
        }
        let used = plans.reduce(into: Set<String>()) { $0.formUnion($1.indexes) }
        let idle = indexes.subtracting(used).subtracting(Self.kept.keys)
        #expect(idle == [], "each costs something with every message, and nothing asks for it")
        if let file = ProcessInfo.processInfo.environment["BEAMLINE_STATEMENT_PLANS"] {
            try Self.report(plans).write(toFile: file, atomically: true, encoding: .utf8)
        }
    }

    @Test func theRoomsOfTheBenchmarksAreTrue() throws {
        try withRooms { pool, loop in
            let rows = try await pool.table(
                """
                SELECT event_id, json FROM event_json JOIN events USING (event_id)
                WHERE stream_ordering % 40 = 1 OR type NOT IN ('m.room.message', 'm.room.member')
                """, on: loop)
            #expect(rows.count > 500)
            for row in rows {
                let (id, json) = (try #require(row[0]), try #require(row[1]))
                let version = try #require(RoomVersion(rawValue: "11"))
                let event = try Event(parsing: json, version: version)
                #expect(event.eventID.text == id, "\(json)")
            }
            let rooms = try await pool.table(
                """
                SELECT x.room_id, g.state_group::text FROM event_forward_extremities x
                JOIN event_to_state_groups g USING (event_id)
                """, on: loop)
            for room in rooms {
                let (id, group) = (
                    try #require(room[0]), try #require(room[1].flatMap { Int64($0) })
                )
                let state = try await CurrentState.entries(roomID: id, in: pool, on: loop)
                let resolved = try await StateGroups.entries(of: group, in: pool, on: loop)
                #expect(Set(state.map(\.eventID)) == Set(resolved.map(\.eventID)), "\(id)")
                #expect(try await StateGroups.hops(of: group, in: pool, on: loop) < 100)
            }
        }
    }

    private static func report(_ plans: [Plan]) -> String {
        var users: [String: Set<String>] = [:]
        for plan in plans {
            for index in plan.indexes { users[index, default: []].insert(plan.statement) }
        }
        return users.sorted { $0.key < $1.key }
            .map { "\($0.key): \($0.value.sorted().joined(separator: ", "))\n" }.joined()
    }
}

/// What PostgreSQL means to do for one statement.
private struct Plan: Sendable {
    let statement: String
    let text: String
    /// Tables that are read from end to end.
    private(set) var walked: Set<String> = []
    private(set) var indexes: Set<String> = []

    init(
        _ statement: String, prepared: String, _ pool: PostgresPool, on loop: isolated EventLoop
    ) async throws {
        self.statement = statement
        let count = try await pool.number(
            """
            SELECT cardinality(parameter_types)::bigint FROM pg_prepared_statements
            WHERE name = '\(prepared)'
            """, on: loop)
        let nulls = Array(repeating: "NULL", count: Int(count)).joined(separator: ", ")
        let arguments = count > 0 ? "(\(nulls))" : ""
        let rows = try await pool.table(
            "EXPLAIN (FORMAT JSON) EXECUTE \(prepared)\(arguments)", on: loop)
        text = rows.compactMap(\.first).compactMap(\.self).joined()
        let json = try JSON(parsing: text)
        if let root = json.arrayValue?.first?["Plan"] { read(root, isLimited: false) }
    }

    private mutating func read(_ node: JSON, isLimited: Bool) {
        let kind = node["Node Type"]?.stringValue ?? ""
        if let index = node["Index Name"]?.stringValue {
            indexes.insert(index)
            // An index that is read in its order until there is enough is no walk.
            if node["Index Cond"] == nil, !isLimited {
                walked.insert(node["Relation Name"]?.stringValue ?? index)
            }
        } else if kind == "Seq Scan", let table = node["Relation Name"]?.stringValue {
            walked.insert(table)
        }
        for child in node["Plans"]?.arrayValue ?? [] {
            read(child, isLimited: isLimited || kind == "Limit")
        }
    }
}

/// Statements whose text is put together, so that they cannot be read from the sources.
private enum Composed {
    static var statements: [Statement] {
        let window = SyncTimelines.Window(roomID: "!r:x", after: 0, upTo: 1)
        return [
            SyncTimelines.reading([window], limit: 1, conditions: .init()).0,
            SyncTimelines.reading(eventIDs: []).0,
            SyncRoomState.reading([], conditions: .init()).0,
            SyncRoomState.reading([], withMembers: false, conditions: .init()).0,
            SyncRoomState.readingMembers([]).0,
            SyncRoomState.readingChanges([window], conditions: .init()).0,
            SyncRoomState.readingStripped([]).0,
            EventRelations.backwards, EventRelations.forwards,
        ]
    }
}

/// Some thousand rows for every table that has none, so that a plan for it means something.
private let filling = """
    DO $$
    DECLARE item record; has_rows boolean;
    BEGIN
        FOR item IN SELECT table_name AS name, string_agg(quote_ident(column_name), ', ') AS columns,
            string_agg(CASE data_type WHEN 'boolean' THEN 'n % 100 = 0' WHEN 'jsonb' THEN '''{}'''
                WHEN 'ARRAY' THEN 'ARRAY[n::text]' WHEN 'text' THEN 'n::text'
                WHEN 'character varying' THEN 'n::text' WHEN 'bytea' THEN 'n::text::bytea'
                WHEN 'smallint' THEN '(n % 100)::smallint' ELSE 'n' END, ', ') AS cells
            FROM information_schema.tables JOIN information_schema.columns
                USING (table_schema, table_name)
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY table_name
        LOOP
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', item.name) INTO has_rows;
            IF NOT has_rows THEN
                EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM generate_series(1, 5000) AS n',
                    item.name, item.columns, item.cells);
            END IF;
        END LOOP;
    END $$;
    ANALYZE;
    """

/// Runs `body` on the rooms that the benchmarks use, 30,000 events, on one connection.
private func withRooms<Result: Sendable>(
    _ body: @escaping @Sendable (PostgresPool, isolated EventLoop) async throws -> Result
) throws -> Result {
    let script = try String(
        contentsOf: StatementSources.folder.appending(path: "Benchmarks/Database/populate.sql"),
        encoding: .utf8)
    return try withEmptyDatabase(poolMax: 1) { pool, loop in
        try await Schema.migrate(pool, on: loop)
        try await pool.execute(script: "SET populate.events = 30000", on: loop)
        try await pool.execute(script: script, on: loop)
        try await pool.execute(script: filling, on: loop)
        return try await body(pool, loop)
    }
}

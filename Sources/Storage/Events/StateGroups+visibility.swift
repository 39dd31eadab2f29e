public import Postgres
public import Reactor

extension StateGroups {
    /// The events of a state group that decide whether a user may see what was sent then.
    public struct Visibility: Sendable, Hashable {
        /// The `m.room.history_visibility` event.
        public var visibility: String?
        /// The user's `m.room.member` event.
        public var membership: String?
    }

    // OFFSET 0 keeps the planner from walking the tables for chains whose length it overrates.
    private static let findVisibility = Statement(
        "state_groups_visibility",
        """
        WITH RECURSIVE chain (origin, state_group, hops) AS (
            SELECT g, g, 0::bigint FROM unnest($1::bigint[]) AS x (g)
            UNION ALL
            SELECT c.origin, e.prev_state_group, c.hops + 1
            FROM chain c CROSS JOIN LATERAL (
                SELECT prev_state_group FROM state_group_edges x
                WHERE x.state_group = c.state_group OFFSET 0
            ) e
        )
        SELECT DISTINCT ON (c.origin, s.type) c.origin, s.type, s.event_id
        FROM chain c CROSS JOIN LATERAL (
            SELECT x.type, x.event_id FROM state_groups_state x WHERE x.state_group = c.state_group
            AND (x.type, x.state_key) IN (('m.room.history_visibility', ''), ('m.room.member', $2))
            OFFSET 0
        ) s
        ORDER BY c.origin, s.type, c.hops
        """)

    /// What decides about visibility for a user, in each of some groups, in one query.
    public static func visibility(
        groups: [Int64], userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Int64: Visibility] {
        if groups.isEmpty { return [:] }
        let rows = try await database.query(
            findVisibility, [.integerArray(groups), .text(userID)], on: loop)
        var found: [Int64: Visibility] = [:]
        for row in rows {
            let (group, eventID) = (try row.integer(0), try row.text(2))
            if try row.text(1) == "m.room.member" {
                found[group, default: Visibility()].membership = eventID
            } else {
                found[group, default: Visibility()].visibility = eventID
            }
        }
        return found
    }
}

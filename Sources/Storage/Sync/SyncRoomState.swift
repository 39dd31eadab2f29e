public import Postgres

/// Reads the state of many rooms at once, as of a position in each.
///
/// The tables hold the state now and every change that led to it, so the state at a position is the state now with
/// the later changes taken back.
public enum SyncRoomState {
    /// A room and a position at which its state is wanted.
    public struct Moment: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// The position.
        public let position: Int64

        /// A moment of a room.
        public init(roomID: String, position: Int64) {
            self.roomID = roomID
            self.position = position
        }
    }

    /// Which state events to read. Patterns are SQL's.
    public struct Conditions: Sendable, Hashable {
        /// Patterns of types to read; nil for all.
        public var types: [String]?
        /// Patterns of types to leave out.
        public var notTypes: [String] = []
        /// Senders to read; nil for all.
        public var senders: [String]?
        /// Senders to leave out.
        public var notSenders: [String] = []
        /// Whether the content must have a `url`, or must not.
        public var containsURL: Bool?

        /// Everything.
        public init() {}

        var parameters: [PostgresValue] {
            [
                types.map(PostgresValue.textArray) ?? .null, .textArray(notTypes),
                senders.map(PostgresValue.textArray) ?? .null, .textArray(notSenders),
                PostgresValue(containsURL),
            ]
        }
    }

    private static func conditions(first: Int) -> String {
        """

        WHERE ($\(first)::text[] IS NULL OR e.type LIKE ANY ($\(first)))
        AND NOT e.type LIKE ANY ($\(first + 1))
        AND ($\(first + 2)::text[] IS NULL OR e.sender = ANY ($\(first + 2)))
        AND e.sender <> ALL ($\(first + 3)::text[])
        AND ($\(first + 4)::boolean IS NULL OR coalesce(e.contains_url, false) = $\(first + 4))
        ORDER BY e.room_id, e.stream_ordering
        """
    }

    /// What changed after each moment, by the first change of each piece of state.
    private static func later(where condition: String) -> String {
        """
        later AS MATERIALIZED (
            SELECT DISTINCT ON (c.room_id, c.type, c.state_key)
                c.room_id, c.type, c.state_key, c.prev_event_id
            FROM wanted w JOIN current_state_delta_stream c
                ON c.room_id = w.room AND c.stream_id > w.at
            WHERE \(condition)
            ORDER BY c.room_id, c.type, c.state_key, c.stream_id
        )
        """
    }

    private static let isUnchanged = """
        NOT EXISTS (
            SELECT 1 FROM later l
            WHERE l.room_id = c.room_id AND l.type = c.type AND l.state_key = c.state_key)
        """

    private static let whole = Statement(
        "sync_state_whole",
        """
        WITH wanted (room, at) AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[])),
        \(later(where: "true")), ids AS (
            SELECT c.event_id FROM wanted w JOIN current_state_events c ON c.room_id = w.room
            WHERE \(isUnchanged)
            UNION ALL
            SELECT prev_event_id FROM later WHERE prev_event_id IS NOT NULL
        )
        """
            + SyncEvent.stateSelection(from: "ids JOIN events e ON e.event_id = ids.event_id")
            + conditions(first: 3))

    // Two ranges beside the members, of whom there may be very many, in the index.
    private static let withoutMembers = Statement(
        "sync_state_without_members",
        """
        WITH wanted (room, at) AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[])),
        \(later(where: "c.type <> 'm.room.member'")), ids AS (
            SELECT c.event_id FROM wanted w JOIN current_state_events c
                ON c.room_id = w.room AND c.type < 'm.room.member'
            WHERE \(isUnchanged)
            UNION ALL
            SELECT c.event_id FROM wanted w JOIN current_state_events c
                ON c.room_id = w.room AND c.type > 'm.room.member'
            WHERE \(isUnchanged)
            UNION ALL
            SELECT prev_event_id FROM later WHERE prev_event_id IS NOT NULL
        )
        """
            + SyncEvent.stateSelection(from: "ids JOIN events e ON e.event_id = ids.event_id")
            + conditions(first: 3))

    private static let someMembers = Statement(
        "sync_state_some_members",
        """
        WITH asked (room, at, member) AS MATERIALIZED (
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])
        ), wanted AS MATERIALIZED (SELECT DISTINCT room, at FROM asked),
        \(later(where: "c.type = 'm.room.member'")), ids AS (
            SELECT c.event_id FROM asked a JOIN current_state_events c
                ON c.room_id = a.room AND c.type = 'm.room.member' AND c.state_key = a.member
            WHERE \(isUnchanged)
            UNION ALL
            SELECT l.prev_event_id FROM asked a
            JOIN later l ON l.room_id = a.room AND l.state_key = a.member
            WHERE l.prev_event_id IS NOT NULL
        )
        """
            + SyncEvent.stateSelection(from: "ids JOIN events e ON e.event_id = ids.event_id")
            + conditions(first: 4))

    private static let changes = Statement(
        "sync_state_changes",
        """
        WITH ids AS (
            SELECT DISTINCT ON (c.room_id, c.type, c.state_key) c.event_id
            FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS w (room, low, high)
            JOIN current_state_delta_stream c
                ON c.room_id = w.room AND c.stream_id > w.low AND c.stream_id <= w.high
            ORDER BY c.room_id, c.type, c.state_key, c.stream_id DESC
        )
        """
            + SyncEvent.stateSelection(from: "ids JOIN events e ON e.event_id = ids.event_id")
            + conditions(first: 4))

    // Enough to show an invitation: what the room is, who invites, and the invitation itself.
    private static let stripped = Statement(
        "sync_state_stripped",
        SyncEvent.stateSelection(
            from: """
                unnest($1::text[], $2::text[], $3::text[]) AS w (room, invitation, inviter)
                JOIN current_state_events c ON c.room_id = w.room AND (
                    c.state_key = '' AND c.type IN ('m.room.create', 'm.room.name',
                        'm.room.avatar', 'm.room.topic', 'm.room.join_rules',
                        'm.room.canonical_alias', 'm.room.encryption')
                    OR c.type = 'm.room.member' AND c.state_key = w.inviter
                        AND c.event_id <> w.invitation)
                JOIN events e ON e.event_id = c.event_id
                """)
            + " UNION ALL "
            + SyncEvent.stateSelection(
                from: """
                    unnest($2::text[]) AS w (invitation)
                    JOIN events e ON e.event_id = w.invitation
                    """))

    private static let visibility = Statement(
        "sync_history_visibility",
        """
        SELECT c.room_id, c.stream_id, j.json
        FROM current_state_delta_stream c JOIN event_json j ON j.event_id = c.event_id
        WHERE c.room_id = ANY ($1::text[]) AND c.type = 'm.room.history_visibility'
        AND c.state_key = '' AND c.stream_id <= $2
        ORDER BY c.room_id, c.stream_id
        """)

    private static let members = Statement(
        "sync_summaries",
        """
        SELECT room_id, count(*) FILTER (WHERE membership = 'join'),
            count(*) FILTER (WHERE membership = 'invite'),
            coalesce((array_agg(state_key ORDER BY event_stream_ordering, state_key)
                FILTER (WHERE membership IN ('join', 'invite')))[1:6], '{}'),
            coalesce((array_agg(state_key ORDER BY event_stream_ordering, state_key)
                FILTER (WHERE membership IN ('leave', 'ban')))[1:6], '{}')
        FROM current_state_events WHERE room_id = ANY ($1::text[]) AND type = 'm.room.member'
        GROUP BY room_id
        """)

    /// The whole state of each room at its moment, or all but the members.
    public static func reading(
        _ moments: [Moment], withMembers: Bool = true, conditions: Conditions
    ) -> (Statement, [PostgresValue]) {
        (
            withMembers ? whole : withoutMembers,
            [
                .textArray(moments.map(\.roomID)), .integerArray(moments.map(\.position)),
            ] + conditions.parameters
        )
    }

    /// The member events of some users, each in a room at a moment.
    public static func readingMembers(
        _ members: [(moment: Moment, userID: String)], conditions: Conditions = Conditions()
    ) -> (Statement, [PostgresValue]) {
        (
            someMembers,
            [
                .textArray(members.map(\.moment.roomID)),
                .integerArray(members.map(\.moment.position)), .textArray(members.map(\.userID)),
            ] + conditions.parameters
        )
    }

    /// The state that changed in each window, as it was at the window's end.
    public static func readingChanges(
        _ windows: [SyncTimelines.Window], conditions: Conditions
    ) -> (Statement, [PostgresValue]) {
        (
            changes,
            [
                .textArray(windows.map(\.roomID)), .integerArray(windows.map(\.after)),
                .integerArray(windows.map(\.upTo)),
            ] + conditions.parameters
        )
    }

    /// What somebody who is invited to, or knocks at, rooms may see of them.
    public static func readingStripped(
        _ invitations: [SyncMemberships.Membership]
    ) -> (Statement, [PostgresValue]) {
        (
            stripped,
            [
                .textArray(invitations.map(\.roomID)), .textArray(invitations.map(\.eventID)),
                .textArray(invitations.map(\.sender)),
            ]
        )
    }

    /// The settings of history visibility that rooms have had, up to a position.
    public static func readingVisibility(
        roomIDs: [String], upTo position: Int64
    ) -> (Statement, [PostgresValue]) {
        (visibility, [.textArray(roomIDs), .integer(position)])
    }

    /// The numbers of members of rooms and the first of them.
    public static func readingSummaries(roomIDs: [String]) -> (Statement, [PostgresValue]) {
        (members, [.textArray(roomIDs)])
    }
}

public import Postgres

/// Reads whose devices a user has to look at again, because they changed or because the user now shares a room with them,
/// and whose no more.
public enum SyncDeviceLists {
    /// A user's membership of a room changed.
    public struct Transition: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// Who.
        public let userID: String
        /// Whether the user is joined now.
        public let isJoined: Bool
        /// Whether the user was joined before.
        public let wasJoined: Bool

        /// Whether the user came.
        public var isArrival: Bool { isJoined && !wasJoined }
        /// Whether the user went.
        public var isDeparture: Bool { wasJoined && !isJoined }
    }

    /// Somebody's devices or keys changed.
    public struct Change: Sendable, Hashable {
        /// The room whose members are told; nil if only one user is told.
        public let roomID: String?
        /// Who is told where there is no room.
        public let viewerID: String?
        /// Whose keys are to be looked at again.
        public let userID: String
    }

    private static let changed = Statement(
        "sync_device_lists",
        """
        SELECT c.user_id FROM device_lists_changes_in_room c
        WHERE c.room_id = ANY($2::text[]) AND c.stream_id > $3 AND c.stream_id <= $4
        UNION
        SELECT l.user_id FROM device_lists_stream l
        WHERE l.user_id = $1 AND l.stream_id > $3 AND l.stream_id <= $4
        UNION
        SELECT u.signed FROM user_signature_stream s
        CROSS JOIN LATERAL jsonb_array_elements_text(s.user_ids::jsonb) AS u (signed)
        WHERE s.from_user_id = $1 AND s.stream_id > $3 AND s.stream_id <= $4
        """)

    // The same for everybody at once.
    private static let changes = Statement(
        "sync_device_list_changes",
        """
        SELECT c.room_id, NULL::text, c.user_id FROM device_lists_changes_in_room c
        WHERE c.stream_id > $1 AND c.stream_id <= $2
        UNION
        SELECT NULL, l.user_id, l.user_id FROM device_lists_stream l
        WHERE l.stream_id > $1 AND l.stream_id <= $2
        UNION
        SELECT NULL, s.from_user_id, u.signed FROM user_signature_stream s
        CROSS JOIN LATERAL jsonb_array_elements_text(s.user_ids::jsonb) AS u (signed)
        WHERE s.stream_id > $1 AND s.stream_id <= $2
        """)

    private static let transitions = Statement(
        "sync_membership_transitions",
        """
        SELECT d.room_id, d.state_key, coalesce(m.membership = 'join', false),
            coalesce(p.membership = 'join', false)
        FROM current_state_delta_stream d
        LEFT JOIN room_memberships m ON m.event_id = d.event_id
        LEFT JOIN room_memberships p ON p.event_id = d.prev_event_id
        WHERE d.room_id = ANY($1::text[]) AND d.stream_id > $2 AND d.stream_id <= $3
            AND d.type = 'm.room.member'
        ORDER BY d.stream_id
        """)

    private static let members = Statement(
        "sync_members_of_rooms",
        """
        SELECT DISTINCT state_key FROM current_state_events
        WHERE room_id = ANY($1::text[]) AND type = 'm.room.member' AND membership = 'join'
        """)

    private static let rooms = Statement(
        "sync_rooms_of_users",
        """
        SELECT state_key, room_id FROM current_state_events
        WHERE type = 'm.room.member' AND state_key = ANY($1::text[]) AND membership = 'join'
        """)

    /// Users whose devices changed after a position and up to another, as one user is told: of members of its rooms, of
    /// itself, and of those that it signed.
    public static func reading(
        userID: String, roomIDs: [String], after: Int64, upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (changed, [.text(userID), .textArray(roomIDs), .integer(after), .integer(upTo)])
    }

    /// Everybody's changes after a position and up to another.
    public static func readingAll(after: Int64, upTo: Int64) -> (Statement, [PostgresValue]) {
        (changes, [.integer(after), .integer(upTo)])
    }

    /// Who came to rooms and went after a position and up to another, in order.
    public static func readingTransitions(
        roomIDs: [String], after: Int64, upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (transitions, [.textArray(roomIDs), .integer(after), .integer(upTo)])
    }

    /// The members of any of some rooms.
    public static func readingMembers(roomIDs: [String]) -> (Statement, [PostgresValue]) {
        (members, [.textArray(roomIDs)])
    }

    /// The rooms that some users are joined to.
    public static func readingRooms(userIDs: [String]) -> (Statement, [PostgresValue]) {
        (rooms, [.textArray(userIDs)])
    }

    /// What the statements of `reading` and `readingMembers` gave.
    public static func users(_ rows: Rows) throws(PostgresError) -> [String] { try rows.texts() }

    /// What the statement of `readingAll` gave.
    public static func changes(_ rows: Rows) throws(PostgresError) -> [Change] {
        var changes: [Change] = []
        for row in rows {
            changes.append(
                Change(
                    roomID: try row.optionalText(0), viewerID: try row.optionalText(1),
                    userID: try row.text(2)))
        }
        return changes
    }

    /// What the statement of `readingTransitions` gave.
    public static func transitions(_ rows: Rows) throws(PostgresError) -> [Transition] {
        var transitions: [Transition] = []
        for row in rows {
            transitions.append(
                Transition(
                    roomID: try row.text(0), userID: try row.text(1),
                    isJoined: try row.bool(2), wasJoined: try row.bool(3)))
        }
        return transitions
    }

    /// What the statement of `readingRooms` gave, by user.
    public static func rooms(_ rows: Rows) throws(PostgresError) -> [String: Set<String>] {
        var rooms: [String: Set<String>] = [:]
        for row in rows { rooms[try row.text(0), default: []].insert(try row.text(1)) }
        return rooms
    }
}

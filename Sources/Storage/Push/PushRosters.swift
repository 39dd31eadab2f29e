public import Postgres
public import Reactor

/// Reads who may have to be notified in a room.
public enum PushRosters {
    private static let joinedMembers = Statement(
        "push_roster_members",
        """
        SELECT l.user_id, m.display_name FROM local_current_membership l
        JOIN room_memberships m ON m.event_id = l.event_id
        WHERE l.room_id = $1 AND l.membership = 'join'
        """)

    private static let ignoring = Statement(
        "push_roster_ignoring",
        "SELECT ignorer_user_id FROM ignored_users WHERE ignored_user_id = $1")

    private static let thread = Statement(
        "push_thread_of_event",
        """
        SELECT relates_to_id FROM event_relations
        WHERE event_id = $1 AND relation_type = 'm.thread'
        """)

    /// This server's joined members of a room with their names there.
    public static func members(
        roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(userID: String, displayName: String?)] {
        var members: [(userID: String, displayName: String?)] = []
        for row in try await database.query(joinedMembers, [.text(roomID)], on: loop) {
            members.append((try row.text(0), try row.optionalText(1)))
        }
        return members
    }

    /// Who ignores a user.
    public static func usersIgnoring(
        _ userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String] {
        try await database.query(ignoring, [.text(userID)], on: loop).texts()
    }

    /// The root of the thread that an event is in; nil if it is in none.
    public static func thread(
        ofEvent eventID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(thread, [.text(eventID)], on: loop).first?.text(0)
    }
}

public import Postgres
public import Reactor

/// Who is in which room: tables `room_memberships` (every membership event) and `local_current_membership`
/// (what counts now, for this server's users).
public enum Memberships {
    static let schema = """
        CREATE TABLE room_memberships (
            event_id text NOT NULL,
            user_id text NOT NULL,
            sender text NOT NULL,
            room_id text NOT NULL,
            membership text NOT NULL,
            forgotten integer DEFAULT 0,
            display_name text,
            avatar_url text,
            event_stream_ordering bigint,
            participant boolean DEFAULT false,
            UNIQUE (event_id)
        );
        -- A user's memberships of a room over time: room_memberships_last_join, room_memberships_forget,
        -- sync_membership_history.
        CREATE INDEX room_memberships_user_room_index ON room_memberships (user_id, room_id);
        -- All who ever were in a room.
        CREATE INDEX room_memberships_room_id ON room_memberships (room_id);
        CREATE INDEX room_memberships_user_id ON room_memberships (user_id);
        -- Dropped later, as nothing asks for it.
        CREATE INDEX room_memberships_stream_ordering_idx
            ON room_memberships (event_stream_ordering);
        -- The rooms that a user left and forgot, which are few.
        CREATE INDEX room_memberships_user_room_forgotten
            ON room_memberships (user_id, room_id) WHERE forgotten = 1;

        CREATE TABLE local_current_membership (
            room_id text NOT NULL,
            user_id text NOT NULL,
            event_id text NOT NULL,
            membership text NOT NULL,
            event_stream_ordering bigint
        );
        -- /sync starts from a user's rooms: sync_memberships, local_current_membership_of_user.
        CREATE UNIQUE INDEX local_current_membership_idx
            ON local_current_membership (user_id, room_id);
        -- The local members of a room.
        CREATE INDEX local_current_membership_room_idx ON local_current_membership (room_id);
        CREATE INDEX local_current_membership_stream_ordering_idx
            ON local_current_membership (event_stream_ordering);
        """

    /// A user's current place in a room.
    public struct Membership: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// The user.
        public let userID: String
        /// The membership event.
        public let eventID: String
        /// `join`, `invite`, `leave`, `ban` or `knock`.
        public let membership: String
        /// The position of the membership event.
        public let streamOrdering: Int64
    }

    private static let insert = Statement(
        "room_memberships_insert",
        """
        INSERT INTO room_memberships (event_stream_ordering, event_id, user_id, sender, room_id,
            membership, display_name, avatar_url)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[],
            $6::text[], $7::text[], $8::text[])
        """)

    private static let upsert = Statement(
        "local_current_membership_upsert",
        """
        INSERT INTO local_current_membership
            (event_stream_ordering, event_id, user_id, room_id, membership)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
        ON CONFLICT (user_id, room_id) DO UPDATE SET event_id = EXCLUDED.event_id,
            membership = EXCLUDED.membership,
            event_stream_ordering = EXCLUDED.event_stream_ordering
        """)

    private static let ofUser = Statement(
        "local_current_membership_of_user",
        """
        SELECT room_id, user_id, event_id, membership, event_stream_ordering
        FROM local_current_membership WHERE user_id = $1
        """)

    private static let one = Statement(
        "local_current_membership_one",
        "SELECT membership FROM local_current_membership WHERE user_id = $1 AND room_id = $2")

    private static let localMembers = Statement(
        "local_current_membership_of_room",
        """
        SELECT room_id, user_id, event_id, membership, event_stream_ordering
        FROM local_current_membership WHERE room_id = $1
        """)

    private static let joined = Statement(
        "room_memberships_joined",
        """
        SELECT m.user_id, m.display_name, m.avatar_url
        FROM current_state_events c JOIN room_memberships m ON m.event_id = c.event_id
        WHERE c.room_id = $1 AND c.type = 'm.room.member' AND c.membership = 'join'
        ORDER BY m.user_id
        """)

    private static let forget = Statement(
        "room_memberships_forget",
        """
        UPDATE room_memberships SET forgotten = 1 WHERE user_id = $1 AND room_id = $2
        """)

    private static let lastJoinOf = Statement(
        "room_memberships_last_join",
        """
        SELECT max(event_stream_ordering) FROM room_memberships
        WHERE user_id = $1 AND room_id = $2 AND membership = 'join'
        """)

    /// The position of a user's last `join` of a room, or nil.
    public static func lastJoin(
        of userID: String, roomID: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64? {
        try await database.query(lastJoinOf, [.text(userID), .text(roomID)], on: loop)
            .firstInteger
    }

    /// Marks all of a user's memberships of a room as forgotten; a later membership is not.
    public static func forget(
        roomID: String, userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(forget, [.text(userID), .text(roomID)], on: loop)
    }

    /// The changes for a batch.
    static func changes(_ batch: [PositionedEvent]) -> [Command] {
        let all = batch.compactMap { positioned in
            positioned.event.membership.map { (positioned, $0) }
        }
        if all.isEmpty { return [] }
        var commands: [Command] = [
            (
                insert,
                [
                    .integerArray(all.map(\.0.streamOrdering)),
                    .textArray(all.map(\.0.event.eventID)),
                    .textArray(all.map(\.1.userID)), .textArray(all.map(\.0.event.sender)),
                    .textArray(all.map(\.0.event.roomID)), .textArray(all.map(\.1.membership)),
                    .optionalTextArray(all.map(\.1.displayName)),
                    .optionalTextArray(all.map(\.1.avatarURL)),
                ]
            )
        ]
        // One statement cannot update a row twice: the last membership of a batch wins.
        var last: [[String]: Int] = [:]
        for (index, item) in all.enumerated() where item.1.isLocal {
            last[[item.0.event.roomID, item.1.userID]] = index
        }
        if !last.isEmpty {
            let local = last.values.sorted().map { all[$0] }
            commands.append(
                (
                    upsert,
                    [
                        .integerArray(local.map(\.0.streamOrdering)),
                        .textArray(local.map(\.0.event.eventID)),
                        .textArray(local.map(\.1.userID)),
                        .textArray(local.map(\.0.event.roomID)),
                        .textArray(local.map(\.1.membership)),
                    ]
                ))
        }
        return commands
    }

    /// The rooms of a user of this server, whatever the membership.
    public static func memberships(
        userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Membership] {
        try await read(database.query(ofUser, [.text(userID)], on: loop))
    }

    /// What a user of this server is to a room; nil if the user never had to do with it.
    public static func membership(
        of userID: String, roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(one, [.text(userID), .text(roomID)], on: loop).first?.text(0)
    }

    /// This server's users in a room, whatever the membership.
    public static func localMembers(
        roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Membership] {
        try await read(database.query(localMembers, [.text(roomID)], on: loop))
    }

    /// The joined members of a room with their profiles, ordered by user id.
    public static func joined(
        roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(userID: String, profile: Profiles.Profile)] {
        var members: [(userID: String, profile: Profiles.Profile)] = []
        for row in try await database.query(joined, [.text(roomID)], on: loop) {
            let profile = Profiles.Profile(
                displayName: try row.optionalText(1), avatarURL: try row.optionalText(2))
            members.append((try row.text(0), profile))
        }
        return members
    }

    private static func read(_ rows: Rows) throws(PostgresError) -> [Membership] {
        var memberships: [Membership] = []
        for row in rows {
            memberships.append(
                Membership(
                    roomID: try row.text(0), userID: try row.text(1), eventID: try row.text(2),
                    membership: try row.text(3),
                    streamOrdering: try row.optionalInteger(4) ?? 0))
        }
        return memberships
    }
}

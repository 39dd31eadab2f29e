import Postgres

/// How far users have read where they are joined, for counting what is unread: table `push_positions`.
///
/// `stream_ordering` of the row with the empty thread is the greatest of the user's join, and of the receipts for the
/// whole room; other rows are those of threads, `main` among them, where that is further. Sending into a thread counts
/// as reading it. `joined_ordering` is the position of the user's join.
///
/// Receipts and membership events alone cannot say it cheaply: a change of one's name is a membership event too.
enum PushPositions {
    static let schema = """
        CREATE TABLE push_positions (
            user_id text NOT NULL,
            room_id text NOT NULL,
            thread_id text NOT NULL,
            stream_ordering bigint NOT NULL,
            joined_ordering bigint NOT NULL DEFAULT 0,
            -- Counting asks for all threads of a user's room.
            PRIMARY KEY (user_id, room_id, thread_id)
        ) WITH (fillfactor = 80);
        """

    /// Those who were members before there was the table: they have read nothing since.
    static let formerMembers = """
        INSERT INTO push_positions (user_id, room_id, thread_id, stream_ordering)
        SELECT user_id, room_id, '', 0 FROM local_current_membership WHERE membership = 'join'
        ON CONFLICT DO NOTHING;
        """

    private static let arrive = Statement(
        "push_positions_arrive",
        """
        INSERT INTO push_positions (user_id, room_id, thread_id, stream_ordering, joined_ordering)
        SELECT u, r, '', s, s FROM unnest($1::text[], $2::text[], $3::bigint[]) AS x (u, r, s)
        ON CONFLICT (user_id, room_id, thread_id) DO UPDATE SET
            stream_ordering = EXCLUDED.stream_ordering, joined_ordering = EXCLUDED.joined_ordering
        """)

    private static let depart = Statement(
        "push_positions_depart",
        """
        DELETE FROM push_positions p USING unnest($1::text[], $2::text[]) AS x (u, r)
        WHERE p.user_id = x.u AND p.room_id = x.r
        """)

    // A reaction or the like belongs to the thread of what it relates to.
    private static let speak = Statement(
        "push_positions_speak",
        """
        INSERT INTO push_positions AS p (user_id, room_id, thread_id, stream_ordering)
        SELECT u, r, thread, max(s) FROM (
            SELECT u, r, s, coalesce(t, (SELECT c.relates_to_id FROM event_relations c
                WHERE c.event_id = related AND c.relation_type = 'm.thread'), 'main') AS thread
            FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
                AS x (u, r, s, t, related)
        ) AS spoken GROUP BY u, r, thread
        ON CONFLICT (user_id, room_id, thread_id)
            DO UPDATE SET stream_ordering = EXCLUDED.stream_ordering
            WHERE p.stream_ordering < EXCLUDED.stream_ordering
        """)

    private static let read = Statement(
        "push_positions_read",
        """
        INSERT INTO push_positions AS p (user_id, room_id, thread_id, stream_ordering)
        SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM local_current_membership l
            WHERE l.user_id = $1 AND l.room_id = $2 AND l.membership = 'join')
        ON CONFLICT (user_id, room_id, thread_id)
            DO UPDATE SET stream_ordering = EXCLUDED.stream_ordering
            WHERE p.stream_ordering < EXCLUDED.stream_ordering
        """)

    private static let drop = Statement(
        "push_positions_drop",
        """
        DELETE FROM push_positions
        WHERE user_id = $1 AND room_id = $2 AND thread_id <> '' AND stream_ordering <= $3
        """)

    /// The changes for a batch: who came, who went, who said something.
    static func changes(_ batch: [PositionedEvent]) -> [Command] {
        var moves: [[String]: (arrived: Int64?, left: Bool)] = [:]
        var spoken: [PositionedEvent] = []
        for positioned in batch {
            let event = positioned.event
            if let membership = event.membership, membership.isLocal {
                let key = [membership.userID, event.roomID]
                if membership.membership != "join" {
                    moves[key] = (nil, true)
                } else if !membership.wasJoined {
                    moves[key] = (positioned.streamOrdering, false)
                }
            } else if event.stateKey == nil, event.redacts == nil {
                spoken.append(positioned)
            }
        }
        // What was said before leaving, or in an earlier stay, counts for nothing.
        spoken.removeAll { positioned in
            guard let move = moves[[positioned.event.sender, positioned.event.roomID]] else {
                return false
            }
            return move.arrived.map { $0 > positioned.streamOrdering } ?? true
        }
        var commands: [Command] = []
        let gone = moves.filter(\.value.left).map(\.key)
        if !gone.isEmpty {
            commands.append(
                (depart, [.textArray(gone.map { $0[0] }), .textArray(gone.map { $0[1] })]))
        }
        let come = moves.compactMap { key, move in move.arrived.map { (key, $0) } }
        if !come.isEmpty {
            let keys = come.map(\.0)
            // What was left of an earlier stay goes.
            commands.append(
                (depart, [.textArray(keys.map { $0[0] }), .textArray(keys.map { $0[1] })]))
            commands.append(
                (
                    arrive,
                    [
                        .textArray(keys.map { $0[0] }), .textArray(keys.map { $0[1] }),
                        .integerArray(come.map(\.1)),
                    ]
                ))
        }
        if !spoken.isEmpty { commands.append(speaking(spoken)) }
        return commands
    }

    private static func speaking(_ spoken: [PositionedEvent]) -> Command {
        let relations = spoken.map(\.event.relation)
        return (
            speak,
            [
                .textArray(spoken.map(\.event.sender)), .textArray(spoken.map(\.event.roomID)),
                .integerArray(spoken.map(\.streamOrdering)),
                .optionalTextArray(
                    relations.map { $0.map { $0.type == "m.thread" ? $0.eventID : nil } ?? "main" }
                ),
                .optionalTextArray(relations.map { $0?.eventID }),
            ]
        )
    }

    /// The changes for a receipt that a user who is in the room set, for an event at this position.
    static func reading(
        userID: String, roomID: String, threadID: String?, position: Int64
    ) -> [Command] {
        let user: [PostgresValue] = [.text(userID), .text(roomID)]
        var commands: [Command] = [
            (read, user + [.text(threadID ?? ""), .integer(position)])
        ]
        if threadID == nil { commands.append((drop, user + [.integer(position)])) }
        return commands
    }
}

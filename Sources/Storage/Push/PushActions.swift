import Postgres

/// Of which events users are notified: tables `event_push_actions` and `room_push_actions`.
///
/// In a room of thousands nearly everybody is notified alike. So an event has one row in `room_push_actions` that
/// speaks for all members at the time, but for its sender and for those who have a row of their own in
/// `event_push_actions`: who is mentioned, who has rules of another kind, and, with `notif` 0, who is not notified at all.
/// Writing an event costs the same in rooms of every size.
enum PushActions {
    static let schema = """
        CREATE TABLE event_push_actions (
            room_id text NOT NULL,
            event_id text NOT NULL,
            user_id text NOT NULL,
            profile_tag varchar(32),
            actions text NOT NULL,
            topological_ordering bigint,
            stream_ordering bigint,
            notif smallint,
            highlight smallint,
            unread smallint,
            thread_id text,
            -- Redacting an event takes its notifications back.
            CONSTRAINT event_id_user_id_profile_tag_uniqueness
                UNIQUE (room_id, event_id, user_id, profile_tag)
        );
        -- Counting what a user has not read in a room.
        CREATE INDEX event_push_actions_unread
            ON event_push_actions (user_id, room_id, stream_ordering);
        -- The newest notifications of a user, in all rooms.
        CREATE INDEX event_push_actions_u ON event_push_actions (user_id, stream_ordering);
        -- Who is notified of new events: push gateways, /sync.
        CREATE INDEX event_push_actions_stream_ordering
            ON event_push_actions (stream_ordering, user_id);

        CREATE TABLE room_push_actions (
            room_id text NOT NULL,
            stream_ordering bigint NOT NULL,
            topological_ordering bigint NOT NULL,
            event_id text NOT NULL,
            thread_id text NOT NULL,
            sender text NOT NULL,
            notif smallint NOT NULL,
            highlight smallint NOT NULL,
            actions text NOT NULL,
            -- Counting what is unread in a room; the newest notifications of a room.
            PRIMARY KEY (room_id, stream_ordering)
        );
        """

    private static let insertOwn = Statement(
        "event_push_actions_insert",
        """
        INSERT INTO event_push_actions (room_id, event_id, user_id, profile_tag, actions,
            topological_ordering, stream_ordering, notif, highlight, unread, thread_id)
        SELECT r, e, u, '', a, d, s, n, h, 0, t
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::bigint[], $9::text[]) AS x (r, e, u, a, d, s, n, h, t)
        """)

    private static let insertCommon = Statement(
        "room_push_actions_insert",
        """
        INSERT INTO room_push_actions (room_id, stream_ordering, topological_ordering, event_id,
            thread_id, sender, notif, highlight, actions)
        SELECT r, s, d, e, t, u, n, h, a
        FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
            $7::bigint[], $8::bigint[], $9::text[]) AS x (r, s, d, e, t, u, n, h, a)
        """)

    private static let takeBackOwn = Statement(
        "event_push_actions_redact",
        """
        DELETE FROM event_push_actions p USING unnest($1::text[], $2::text[]) AS x (r, e)
        WHERE p.room_id = x.r AND p.event_id = x.e
        """)

    private static let takeBackCommon = Statement(
        "room_push_actions_redact",
        """
        DELETE FROM room_push_actions p USING unnest($1::text[], $2::text[]) AS x (r, e)
        JOIN events v ON v.event_id = x.e
        WHERE p.room_id = x.r AND p.room_id = v.room_id AND p.stream_ordering = v.stream_ordering
        """)

    /// The changes for a batch, after its events.
    static func changes(_ batch: [PositionedEvent]) -> [Command] {
        var commands: [Command] = []
        let common = batch.compactMap { positioned in
            positioned.event.push?.common.map { (positioned, $0) }
        }
        if !common.isEmpty { commands.append(insertion(common)) }
        let own = batch.flatMap { positioned in
            positioned.event.push?.own.map { (positioned, $0) } ?? []
        }
        if !own.isEmpty { commands.append(insertion(own)) }
        let redactions = batch.compactMap { positioned in
            positioned.event.redacts.map { (positioned.event.roomID, $0) }
        }
        if !redactions.isEmpty {
            let parameters: [PostgresValue] = [
                .textArray(redactions.map(\.0)), .textArray(redactions.map(\.1)),
            ]
            commands.append((takeBackOwn, parameters))
            commands.append((takeBackCommon, parameters))
        }
        return commands
    }

    private static func insertion(_ rows: [(PositionedEvent, NewEvent.PushAction)]) -> Command {
        (
            insertCommon,
            [
                .textArray(rows.map(\.0.event.roomID)),
                .integerArray(rows.map(\.0.streamOrdering)),
                .integerArray(rows.map(\.0.event.depth)),
                .textArray(rows.map(\.0.event.eventID)),
                .textArray(rows.map(\.0.pushThread)), .textArray(rows.map(\.0.event.sender)),
                .integerArray(rows.map { $0.1.notifies ? 1 : 0 }),
                .integerArray(rows.map { $0.1.highlights ? 1 : 0 }),
                .textArray(rows.map(\.1.actions)),
            ]
        )
    }

    private static func insertion(
        _ rows: [(PositionedEvent, (userID: String, action: NewEvent.PushAction))]
    ) -> Command {
        (
            insertOwn,
            [
                .textArray(rows.map(\.0.event.roomID)), .textArray(rows.map(\.0.event.eventID)),
                .textArray(rows.map(\.1.userID)), .textArray(rows.map(\.1.action.actions)),
                .integerArray(rows.map(\.0.event.depth)),
                .integerArray(rows.map(\.0.streamOrdering)),
                .integerArray(rows.map { $0.1.action.notifies ? 1 : 0 }),
                .integerArray(rows.map { $0.1.action.highlights ? 1 : 0 }),
                .textArray(rows.map(\.0.pushThread)),
            ]
        )
    }
}

extension PositionedEvent {
    /// The thread in which the event counts as unread.
    fileprivate var pushThread: String { event.push?.threadID ?? "main" }
}

public import Postgres
public import Reactor

/// Whose devices and keys changed when: tables `device_lists_stream`, `device_lists_changes_in_room` and
/// `user_signature_stream`, on one sequence.
public enum DeviceLists {
    static let schema = """
        CREATE SEQUENCE device_lists_sequence;

        CREATE TABLE device_lists_stream (
            stream_id bigint NOT NULL,
            user_id text NOT NULL,
            device_id text NOT NULL,
            instance_name text
        );
        -- Replication catches up by stream id.
        CREATE INDEX device_lists_stream_id ON device_lists_stream (stream_id, user_id);
        -- Only the last change of a device is kept.
        CREATE INDEX device_lists_stream_user_id ON device_lists_stream (user_id, device_id);

        CREATE TABLE device_lists_changes_in_room (
            user_id text NOT NULL,
            device_id text NOT NULL,
            room_id text NOT NULL,
            stream_id bigint NOT NULL,
            converted_to_destinations boolean NOT NULL,
            opentracing_context text,
            instance_name text,
            inserted_ts bigint
        );
        CREATE UNIQUE INDEX device_lists_changes_in_stream_id
            ON device_lists_changes_in_room (stream_id, room_id);
        -- /sync asks whose devices changed in a user's rooms.
        CREATE INDEX device_lists_changes_in_room_by_room_idx
            ON device_lists_changes_in_room (room_id, stream_id);
        -- Old rows are pruned.
        CREATE INDEX device_lists_changes_in_room_inserted_ts_idx
            ON device_lists_changes_in_room (inserted_ts);

        CREATE TABLE user_signature_stream (
            stream_id bigint NOT NULL,
            from_user_id text NOT NULL,
            user_ids text NOT NULL,
            instance_name text
        );
        -- /sync asks whom a user has signed.
        CREATE UNIQUE INDEX user_signature_stream_idx ON user_signature_stream (stream_id);
        """

    private static let insert = Statement(
        "device_lists_insert",
        """
        INSERT INTO device_lists_stream (stream_id, user_id, device_id, instance_name)
        SELECT $1, $2, d, 'master' FROM unnest($3::text[]) AS x (d)
        """)

    private static let deleteOlder = Statement(
        "device_lists_delete_older",
        """
        DELETE FROM device_lists_stream
        WHERE user_id = $1 AND device_id = ANY($2::text[]) AND stream_id < $3
        """)

    // Who shares a room with the user is told, wherever the user is by the time they ask.
    private static let insertRooms = Statement(
        "device_lists_insert_rooms",
        """
        INSERT INTO device_lists_changes_in_room (user_id, device_id, room_id, stream_id,
            converted_to_destinations, instance_name, inserted_ts)
        SELECT $1, $2, room_id, $3, true, 'master', $4 FROM current_state_events
        WHERE type = 'm.room.member' AND state_key = $1 AND membership = 'join'
        """)

    private static let insertSignatures = Statement(
        "user_signature_insert",
        """
        INSERT INTO user_signature_stream (stream_id, from_user_id, user_ids, instance_name)
        VALUES ($1, $2, $3, 'master')
        """)

    private static let maximum = Statement(
        "device_lists_maximum",
        """
        SELECT greatest(
            (SELECT coalesce(max(stream_id), 0) FROM device_lists_stream),
            (SELECT coalesce(max(stream_id), 0) FROM user_signature_stream))
        """)

    private static let updates = Statement(
        "device_lists_updates",
        """
        SELECT DISTINCT stream_id, user_id FROM (
            SELECT stream_id, user_id FROM device_lists_stream
            WHERE stream_id > $1 AND stream_id <= $2
            UNION ALL
            SELECT stream_id, from_user_id FROM user_signature_stream
            WHERE stream_id > $1 AND stream_id <= $2
        ) s ORDER BY stream_id LIMIT $3
        """)

    /// Notes that devices (or, under the key's text, a cross-signing key) of a user changed.
    public static func add(
        userID: String, deviceIDs: [String], streamID: Int64, now: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        guard let first = deviceIDs.first else { return }
        _ = try await database.queryAll(
            [
                (deleteOlder, [.text(userID), .textArray(deviceIDs), .integer(streamID)]),
                (insert, [.integer(streamID), .text(userID), .textArray(deviceIDs)]),
                (insertRooms, [.text(userID), .text(first), .integer(streamID), .integer(now)]),
            ], on: loop)
    }

    /// Notes that a user has signed keys of other users (a JSON list), of which only the signer is told.
    public static func addSignatures(
        by userID: String, under userIDs: String, streamID: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insertSignatures, [.integer(streamID), .text(userID), .text(userIDs)], on: loop)
    }

    /// The highest stream id stored.
    public static func maximumStreamID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }

    /// Changes after `from` and up to `to`, oldest first, for replication's catch-up.
    public static func updates(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(streamID: Int64, userID: String)] {
        let rows = try await database.query(
            updates, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop)
        var changes: [(streamID: Int64, userID: String)] = []
        for row in rows { changes.append((try row.integer(0), try row.text(1))) }
        return changes
    }
}

public import Postgres
public import Reactor

/// Users' tags on rooms: tables `room_tags` and `room_tags_revisions`, on the account data's sequence.
public enum RoomTags {
    static let schema = """
        CREATE TABLE room_tags (
            user_id text NOT NULL,
            room_id text NOT NULL,
            tag text NOT NULL,
            content text NOT NULL,
            CONSTRAINT room_tag_uniqueness UNIQUE (user_id, room_id, tag)
        );

        CREATE TABLE room_tags_revisions (
            user_id text NOT NULL,
            room_id text NOT NULL,
            stream_id bigint NOT NULL,
            instance_name text,
            CONSTRAINT room_tag_revisions_uniqueness UNIQUE (user_id, room_id)
        );
        """

    private static let upsert = Statement(
        "room_tags_upsert",
        """
        INSERT INTO room_tags (user_id, room_id, tag, content) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, room_id, tag) DO UPDATE SET content = EXCLUDED.content
        """)

    private static let delete = Statement(
        "room_tags_delete",
        "DELETE FROM room_tags WHERE user_id = $1 AND room_id = $2 AND tag = $3")

    private static let revise = Statement(
        "room_tags_revise",
        """
        INSERT INTO room_tags_revisions (user_id, room_id, stream_id, instance_name)
        VALUES ($1, $2, $3, 'master') ON CONFLICT (user_id, room_id)
        DO UPDATE SET stream_id = EXCLUDED.stream_id, instance_name = EXCLUDED.instance_name
        """)

    private static let list = Statement(
        "room_tags_list",
        "SELECT tag, content FROM room_tags WHERE user_id = $1 AND room_id = $2 ORDER BY tag")

    private static let updates = Statement(
        "room_tags_updates",
        """
        SELECT stream_id, user_id, room_id FROM room_tags_revisions
        WHERE stream_id > $1 AND stream_id <= $2 ORDER BY stream_id LIMIT $3
        """)

    /// Sets a tag (`content` is JSON), or removes it when `content` is nil.
    ///
    /// To be run in a transaction.
    public static func set(
        _ tag: String, content: String?, userID: String, roomID: String, streamID: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        let change: Command =
            if let content {
                (upsert, [.text(userID), .text(roomID), .text(tag), .text(content)])
            } else {
                (delete, [.text(userID), .text(roomID), .text(tag)])
            }
        let revision: Command = (revise, [.text(userID), .text(roomID), .integer(streamID)])
        _ = try await database.queryAll([change, revision], on: loop)
    }

    /// A user's tags on a room with their contents' JSON, ordered by tag.
    public static func tags(
        userID: String, roomID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(tag: String, content: String)] {
        var tags: [(tag: String, content: String)] = []
        for row in try await database.query(list, [.text(userID), .text(roomID)], on: loop) {
            tags.append((try row.text(0), try row.text(1)))
        }
        return tags
    }

    /// Which users' tags on which rooms changed after `from` and up to `to`, oldest first.
    public static func updates(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(streamID: Int64, userID: String, roomID: String)] {
        let rows = try await database.query(
            updates, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop)
        var changes: [(streamID: Int64, userID: String, roomID: String)] = []
        for row in rows {
            changes.append((try row.integer(0), try row.text(1), try row.text(2)))
        }
        return changes
    }
}

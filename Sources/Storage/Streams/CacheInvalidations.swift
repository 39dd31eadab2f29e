import JSON
public import Postgres
public import Reactor

/// Invalidations that other processes must hear of: table `cache_invalidation_stream_by_instance`.
public enum CacheInvalidations {
    static let schema = """
        CREATE TABLE cache_invalidation_stream_by_instance (
            stream_id bigint NOT NULL,
            instance_name text NOT NULL,
            cache_func text NOT NULL,
            keys text[],
            invalidation_ts bigint
        );
        -- Replication catches up by stream id.
        CREATE UNIQUE INDEX cache_invalidation_stream_by_instance_id
            ON cache_invalidation_stream_by_instance (stream_id);
        -- The same for one writer.
        CREATE INDEX cache_invalidation_stream_by_instance_instance_index
            ON cache_invalidation_stream_by_instance (instance_name, stream_id);

        CREATE SEQUENCE cache_invalidation_stream_seq;
        """

    /// One invalidation.
    public struct Invalidation: Sendable, Hashable {
        /// Its position.
        public let streamID: Int64
        /// The cache's name.
        public let cache: String
        /// The keys to drop; nil for all.
        public let keys: [String]?
        /// When, in milliseconds since 1970.
        public let time: Int64
    }

    private static let insert = Statement(
        "cache_invalidation_insert",
        """
        INSERT INTO cache_invalidation_stream_by_instance
            (stream_id, instance_name, cache_func, keys, invalidation_ts)
        VALUES ($1, 'master', $2, $3::text[], $4)
        """)

    private static let insertEach = Statement(
        "cache_invalidation_insert_each",
        """
        INSERT INTO cache_invalidation_stream_by_instance
            (stream_id, instance_name, cache_func, keys, invalidation_ts)
        SELECT s, 'master', $2, ARRAY(SELECT jsonb_array_elements_text(k::jsonb)), $4
        FROM unnest($1::bigint[], $3::text[]) AS x (s, k)
        """)

    private static let maximum = Statement(
        "cache_invalidation_maximum",
        "SELECT coalesce(max(stream_id), 0) FROM cache_invalidation_stream_by_instance")

    private static let updates = Statement(
        "cache_invalidation_updates",
        """
        SELECT stream_id, cache_func, keys, invalidation_ts
        FROM cache_invalidation_stream_by_instance
        WHERE stream_id > $1 AND stream_id <= $2 ORDER BY stream_id LIMIT $3
        """)

    /// Stores an invalidation under a stream id.
    public static func store(
        cache: String, keys: [String]?, time: Int64, streamID: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insert,
            [
                .integer(streamID), .text(cache), keys.map { .textArray($0) } ?? .null,
                .integer(time),
            ], on: loop)
    }

    /// Stores invalidations of several entries, each with its keys and under a stream id of its own.
    public static func store(
        cache: String, keyLists: [[String]], time: Int64, streamIDs: [Int64],
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        // Arrays of arrays would have to be of one length.
        let lists = keyLists.map { keys in
            JSON.array(keys.map { .string($0) }).description
        }
        _ = try await database.query(
            insertEach,
            [
                .integerArray(streamIDs), .text(cache), .textArray(lists), .integer(time),
            ], on: loop)
    }

    /// The highest stream id stored.
    public static func maximumStreamID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }

    /// Invalidations after `from` and up to `to`, oldest first, for replication's catch-up.
    public static func updates(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Invalidation] {
        let rows = try await database.query(
            updates, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop)
        var invalidations: [Invalidation] = []
        for row in rows {
            invalidations.append(
                Invalidation(
                    streamID: try row.integer(0), cache: try row.text(1),
                    keys: try row.optionalTextArray(2),
                    time: try row.optionalInteger(3) ?? 0))
        }
        return invalidations
    }
}

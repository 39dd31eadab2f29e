import Postgres
import Reactor
import Testing

@testable import Storage

@Suite struct ThreadsTests {
    /// Events `1` to `5` of the room `!r`: `2` and `4` are in the thread of `1`, `5` is in one of `2`, which
    /// cannot be a root, and `4` is redacted.
    private static let history = """
        INSERT INTO events (topological_ordering, event_id, type, room_id, processed, outlier,
            depth, stream_ordering)
        SELECT n, n::text, 'm.room.message', '!r', true, false, n, n FROM generate_series(1, 5) n;
        INSERT INTO event_relations (event_id, relates_to_id, relation_type) VALUES
            ('2', '1', 'm.thread'), ('3', '1', 'm.reference'), ('4', '1', 'm.thread'),
            ('5', '2', 'm.thread');
        INSERT INTO redactions (event_id, redacts) VALUES ('6', '4');
        """

    @Test func threadsOfOlderDatabasesAreFound() throws {
        try withDatabase { pool, loop in
            try await pool.transaction(on: loop) { connection in
                try await connection.execute(
                    script: """
                        DROP TABLE threads;
                        DELETE FROM applied_schema_deltas WHERE file = 'beamline/003_threads.sql';
                        \(Self.history)
                        """, on: loop)
            }
            try await Schema.migrate(pool, on: loop)
            let threads = try await pool.table(
                "SELECT thread_id, latest_event_id FROM threads", on: loop)
            #expect(threads == [["1", "2"]])
        }
    }
}

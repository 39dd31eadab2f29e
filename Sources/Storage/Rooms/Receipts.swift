public import Postgres
public import Reactor

/// How far users have read: tables `receipts_linearized` (one row per user, by stream id) and
/// `receipts_graph` (the same, keyed for federation).
public enum Receipts {
    static let schema = """
        CREATE TABLE receipts_linearized (
            stream_id bigint NOT NULL,
            room_id text NOT NULL,
            receipt_type text NOT NULL,
            user_id text NOT NULL,
            event_id text NOT NULL,
            data text NOT NULL,
            instance_name text,
            event_stream_ordering bigint,
            thread_id text,
            CONSTRAINT receipts_linearized_uniqueness_thread
                UNIQUE (room_id, receipt_type, user_id, thread_id)
        );
        -- A unique constraint lets nulls repeat; unthreaded receipts need an index of their own.
        CREATE UNIQUE INDEX receipts_linearized_unique_index
            ON receipts_linearized (room_id, receipt_type, user_id) WHERE thread_id IS NULL;
        -- Who has read a given event.
        CREATE INDEX receipts_linearized_event_id ON receipts_linearized (room_id, event_id);
        -- Replication catches up by stream id.
        CREATE INDEX receipts_linearized_id ON receipts_linearized (stream_id);
        -- An incremental /sync reads the new receipts of its rooms.
        CREATE INDEX receipts_linearized_room_stream ON receipts_linearized (room_id, stream_id);
        -- Unread counts start from a user's own receipts.
        CREATE INDEX receipts_linearized_user ON receipts_linearized (user_id);

        CREATE TABLE receipts_graph (
            room_id text NOT NULL,
            receipt_type text NOT NULL,
            user_id text NOT NULL,
            event_ids text NOT NULL,
            data text NOT NULL,
            thread_id text,
            CONSTRAINT receipts_graph_uniqueness_thread
                UNIQUE (room_id, receipt_type, user_id, thread_id)
        );
        -- As above, for unthreaded receipts.
        CREATE UNIQUE INDEX receipts_graph_unique_index
            ON receipts_graph (room_id, receipt_type, user_id) WHERE thread_id IS NULL;

        CREATE SEQUENCE receipts_sequence;
        """

    /// A receipt to store.
    public struct Receipt: Sendable, Hashable {
        /// The room read in.
        public let roomID: String
        /// `m.read` or `m.read.private`.
        public let type: String
        /// Who read.
        public let userID: String
        /// The event read up to.
        public let eventID: String
        /// The thread it counts for; nil for the whole room.
        public let threadID: String?
        /// JSON with the time: `{"ts":1}`.
        public let data: String

        /// A receipt with these fields.
        public init(
            roomID: String, type: String, userID: String, eventID: String, threadID: String?,
            data: String
        ) {
            self.roomID = roomID
            self.type = type
            self.userID = userID
            self.eventID = eventID
            self.threadID = threadID
            self.data = data
        }
    }

    // A receipt moves forwards only: one for an event older than the stored one's changes nothing.
    private static let upsertWhole = Statement(
        "receipts_upsert_whole",
        """
        INSERT INTO receipts_linearized AS r (stream_id, room_id, receipt_type, user_id, event_id,
            data, instance_name, event_stream_ordering, thread_id)
        SELECT $1, $2, $3, $4, e.event_id, $6, 'master', e.stream_ordering, NULL
        FROM events e WHERE e.event_id = $5 AND e.room_id = $2
        ON CONFLICT (room_id, receipt_type, user_id) WHERE thread_id IS NULL
        DO UPDATE SET stream_id = EXCLUDED.stream_id, event_id = EXCLUDED.event_id,
            data = EXCLUDED.data, instance_name = EXCLUDED.instance_name,
            event_stream_ordering = EXCLUDED.event_stream_ordering
        WHERE coalesce(r.event_stream_ordering, 0) < EXCLUDED.event_stream_ordering
        RETURNING r.event_stream_ordering
        """)

    private static let upsertThread = Statement(
        "receipts_upsert_thread",
        """
        INSERT INTO receipts_linearized AS r (stream_id, room_id, receipt_type, user_id, event_id,
            data, instance_name, event_stream_ordering, thread_id)
        SELECT $1, $2, $3, $4, e.event_id, $6, 'master', e.stream_ordering, $7
        FROM events e WHERE e.event_id = $5 AND e.room_id = $2
        ON CONFLICT (room_id, receipt_type, user_id, thread_id)
        DO UPDATE SET stream_id = EXCLUDED.stream_id, event_id = EXCLUDED.event_id,
            data = EXCLUDED.data, instance_name = EXCLUDED.instance_name,
            event_stream_ordering = EXCLUDED.event_stream_ordering
        WHERE coalesce(r.event_stream_ordering, 0) < EXCLUDED.event_stream_ordering
        RETURNING r.event_stream_ordering
        """)

    private static let graphWhole = Statement(
        "receipts_graph_whole",
        """
        INSERT INTO receipts_graph (room_id, receipt_type, user_id, event_ids, data, thread_id)
        VALUES ($1, $2, $3, jsonb_build_array($4::text)::text, $5, NULL)
        ON CONFLICT (room_id, receipt_type, user_id) WHERE thread_id IS NULL
        DO UPDATE SET event_ids = EXCLUDED.event_ids, data = EXCLUDED.data
        """)

    private static let graphThread = Statement(
        "receipts_graph_thread",
        """
        INSERT INTO receipts_graph (room_id, receipt_type, user_id, event_ids, data, thread_id)
        VALUES ($1, $2, $3, jsonb_build_array($4::text)::text, $5, $6)
        ON CONFLICT (room_id, receipt_type, user_id, thread_id)
        DO UPDATE SET event_ids = EXCLUDED.event_ids, data = EXCLUDED.data
        """)

    private static let maximum = Statement(
        "receipts_maximum",
        "SELECT coalesce(max(stream_id), 0) FROM receipts_linearized")

    private static let updates = Statement(
        "receipts_updates",
        """
        SELECT stream_id, room_id, receipt_type, user_id, event_id, data, thread_id
        FROM receipts_linearized WHERE stream_id > $1 AND stream_id <= $2
        ORDER BY stream_id LIMIT $3
        """)

    /// Stores a receipt under a stream id.
    ///
    /// Returns false, having changed nothing, when the event is not in the room or the user had
    /// read further already. To be run in a transaction.
    public static func store(
        _ receipt: Receipt, streamID: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        var parameters: [PostgresValue] = [
            .integer(streamID), .text(receipt.roomID), .text(receipt.type), .text(receipt.userID),
            .text(receipt.eventID), .text(receipt.data),
        ]
        var graph: [PostgresValue] = [
            .text(receipt.roomID), .text(receipt.type), .text(receipt.userID),
            .text(receipt.eventID), .text(receipt.data),
        ]
        if let threadID = receipt.threadID {
            parameters.append(.text(threadID))
            graph.append(.text(threadID))
        }
        let isWhole = receipt.threadID == nil
        let rows = try await database.query(
            isWhole ? upsertWhole : upsertThread, parameters, on: loop)
        guard let row = rows.first else { return false }
        var commands: [Command] = [(isWhole ? graphWhole : graphThread, graph)]
        commands += PushPositions.reading(
            userID: receipt.userID, roomID: receipt.roomID, threadID: receipt.threadID,
            position: try row.optionalInteger(0) ?? 0)
        _ = try await database.queryAll(commands, on: loop)
        return true
    }

    /// The highest stream id stored.
    public static func maximumStreamID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }

    /// Receipts after `from` and up to `to`, oldest first, for replication's catch-up.
    public static func updates(
        from: Int64, to: Int64, limit: Int, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(streamID: Int64, receipt: Receipt)] {
        let rows = try await database.query(
            updates, [.integer(from), .integer(to), .integer(Int64(limit))], on: loop)
        var receipts: [(streamID: Int64, receipt: Receipt)] = []
        for row in rows {
            let receipt = Receipt(
                roomID: try row.text(1), type: try row.text(2), userID: try row.text(3),
                eventID: try row.text(4), threadID: try row.optionalText(6),
                data: try row.text(5))
            receipts.append((try row.integer(0), receipt))
        }
        return receipts
    }
}

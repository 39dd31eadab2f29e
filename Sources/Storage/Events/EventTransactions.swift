public import Postgres
public import Reactor

/// The transaction ids that clients sent events with: table `event_txn_id_device_id`.
public enum EventTransactions {
    static let schema = """
        CREATE TABLE event_txn_id_device_id (
            event_id text NOT NULL,
            room_id text NOT NULL,
            user_id text NOT NULL,
            device_id text NOT NULL,
            txn_id text NOT NULL,
            inserted_ts bigint NOT NULL
        );
        -- /sync shows the sender its transaction id: sync_timelines, sync_events.
        CREATE UNIQUE INDEX event_txn_id_device_id_event_id ON event_txn_id_device_id (event_id);
        -- A repeated request finds the event of the first: event_transactions_find.
        CREATE UNIQUE INDEX event_txn_id_device_id_txn_id
            ON event_txn_id_device_id (user_id, device_id, room_id, txn_id);
        -- Old rows are pruned: event_transactions_prune.
        CREATE INDEX event_txn_id_device_id_ts ON event_txn_id_device_id (inserted_ts);
        """

    private static let insert = Statement(
        "event_transactions_insert",
        """
        INSERT INTO event_txn_id_device_id
            (event_id, room_id, user_id, device_id, txn_id, inserted_ts)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
            $6::bigint[])
        """)

    private static let find = Statement(
        "event_transactions_find",
        """
        SELECT event_id FROM event_txn_id_device_id
        WHERE user_id = $1 AND device_id = $2 AND room_id = $3 AND txn_id = $4
        """)

    private static let prune = Statement(
        "event_transactions_prune",
        "DELETE FROM event_txn_id_device_id WHERE inserted_ts < $1")

    /// The inserts for a batch.
    static func insertion(_ batch: [PositionedEvent]) -> [Command] {
        let sent = batch.compactMap { positioned in
            positioned.event.transaction.map { (positioned.event, $0) }
        }
        if sent.isEmpty { return [] }
        return [
            (
                insert,
                [
                    .textArray(sent.map(\.0.eventID)), .textArray(sent.map(\.0.roomID)),
                    .textArray(sent.map(\.1.userID)), .textArray(sent.map(\.1.deviceID)),
                    .textArray(sent.map(\.1.id)),
                    .integerArray(sent.map(\.0.receivedTimestamp)),
                ]
            )
        ]
    }

    /// The event that a device's transaction made in a room.
    public static func eventID(
        of transaction: NewEvent.Transaction, roomID: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(
            find,
            [
                .text(transaction.userID), .text(transaction.deviceID), .text(roomID),
                .text(transaction.id),
            ], on: loop
        ).first?.text(0)
    }

    /// Forgets the transactions from before a time, in milliseconds since 1970.
    public static func prune(
        before time: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(prune, [.integer(time)], on: loop)
    }
}

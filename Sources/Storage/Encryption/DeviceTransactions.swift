public import Postgres
public import Reactor

/// Which transactions of messages to devices were carried out: table `device_federation_inbox`.
///
/// Other servers' transactions are told by the server's name and its own id. This server's devices use its own name, with
/// user, device and transaction as the id.
public enum DeviceTransactions {
    static let schema = """
        CREATE TABLE device_federation_inbox (
            origin text NOT NULL,
            message_id text NOT NULL,
            received_ts bigint NOT NULL,
            instance_name text
        );
        -- A repeated transaction is found.
        CREATE INDEX device_federation_inbox_sender_id
            ON device_federation_inbox (origin, message_id);
        -- Old rows are pruned.
        CREATE INDEX device_federation_inbox_received_ts_index
            ON device_federation_inbox (received_ts);
        """

    /// A transaction.
    public struct Transaction: Sendable, Hashable {
        /// The server that it comes from.
        public let origin: String
        /// What tells it from others of that server.
        public let id: String

        /// A transaction.
        public init(origin: String, id: String) {
            self.origin = origin
            self.id = id
        }
    }

    // Two requests at once with the same id must not both find nothing; there is no unique key to make one wait.
    private static let lock = Statement(
        "device_transactions_lock",
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 7041776))")

    private static let insert = Statement(
        "device_transactions_insert",
        """
        INSERT INTO device_federation_inbox (origin, message_id, received_ts, instance_name)
        SELECT $1, $2, $3, 'master' WHERE NOT EXISTS (
            SELECT 1 FROM device_federation_inbox WHERE origin = $1 AND message_id = $2)
        RETURNING origin
        """)

    private static let prune = Statement(
        "device_transactions_prune", "DELETE FROM device_federation_inbox WHERE received_ts < $1")

    /// Notes that a transaction is carried out. To be run in the transaction that does so.
    ///
    /// Returns false when it was before.
    public static func begin(
        _ transaction: Transaction, now: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let results = try await database.queryAll(
            [
                (lock, [.text(transaction.id)]),
                (
                    insert,
                    [.text(transaction.origin), .text(transaction.id), .integer(now)]
                ),
            ], on: loop)
        return !results[1].isEmpty
    }

    /// Forgets transactions from before a time, in milliseconds since 1970.
    public static func prune(
        before time: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(prune, [.integer(time)], on: loop)
    }
}

public import Postgres
public import Reactor

/// Messages that wait for devices: table `device_inbox`.
public enum DeviceInbox {
    static let schema = """
        CREATE SEQUENCE device_inbox_sequence;

        CREATE TABLE device_inbox (
            user_id text NOT NULL,
            device_id text NOT NULL,
            stream_id bigint NOT NULL,
            message_json text NOT NULL,
            instance_name text
        );
        -- A device's messages in order.
        CREATE INDEX device_inbox_user_stream_id ON device_inbox (user_id, device_id, stream_id);
        -- Replication catches up by stream id.
        CREATE INDEX device_inbox_stream_id_user_id ON device_inbox (stream_id, user_id);

        """

    /// A message for a device.
    public struct Message: Sendable, Hashable {
        /// Whose device.
        public let userID: String
        /// The device; `*` for all that the user has when the message is stored.
        public let deviceID: String
        /// The event as the device will see it, as JSON.
        public let json: String

        /// A message.
        public init(userID: String, deviceID: String, json: String) {
            self.userID = userID
            self.deviceID = deviceID
            self.json = json
        }
    }

    // Only devices that exist get messages; the hidden ones of cross-signing keys do not.
    private static let insert = Statement(
        "device_inbox_insert",
        """
        INSERT INTO device_inbox (user_id, device_id, stream_id, message_json, instance_name)
        SELECT d.user_id, d.device_id, $1, m.json, 'master'
        FROM unnest($2::text[], $3::text[], $4::text[]) AS m (user_id, device_id, json)
        JOIN devices d ON d.user_id = m.user_id
            AND (m.device_id = '*' OR d.device_id = m.device_id)
            AND NOT coalesce(d.hidden, false)
        RETURNING user_id
        """)

    // Messages of one request share an id, and the client's token cannot stand between them.
    private static let read = Statement(
        "device_inbox_read",
        """
        SELECT stream_id, message_json FROM device_inbox
        WHERE user_id = $1 AND device_id = $2 AND stream_id > $3 AND stream_id <= $4
        ORDER BY stream_id FETCH FIRST $5 ROWS WITH TIES
        """)

    private static let delete = Statement(
        "device_inbox_delete",
        """
        DELETE FROM device_inbox WHERE user_id = $1 AND device_id = $2 AND stream_id <= $3
        """)

    private static let deleteDevices = Statement(
        "device_inbox_delete_devices",
        "DELETE FROM device_inbox WHERE user_id = $1 AND device_id = ANY($2::text[])")

    private static let maximum = Statement(
        "device_inbox_maximum",
        """
        SELECT greatest((SELECT coalesce(max(stream_id), 0) FROM device_inbox),
            (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM device_inbox_sequence))
        """)

    private static let updates = Statement(
        "device_inbox_updates",
        """
        SELECT DISTINCT stream_id, user_id FROM device_inbox
        WHERE stream_id > $1 AND stream_id <= $2 ORDER BY stream_id LIMIT $3
        """)

    /// Stores messages under one stream id.
    ///
    /// Returns the users who got any.
    public static func add(
        _ messages: [Message], streamID: Int64, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Set<String> {
        let rows = try await database.query(
            insert,
            [
                .integer(streamID), .textArray(messages.map(\.userID)),
                .textArray(messages.map(\.deviceID)), .textArray(messages.map(\.json)),
            ], on: loop)
        return Set(try rows.texts())
    }

    /// Reads a device's messages after a position and up to another, oldest first.
    public static func reading(
        userID: String, deviceID: String, after: Int64, upTo: Int64, limit: Int
    ) -> (Statement, [PostgresValue]) {
        (
            read,
            [
                .text(userID), .text(deviceID), .integer(after), .integer(upTo),
                .integer(Int64(limit)),
            ]
        )
    }

    /// What the statement of `reading` gave.
    public static func messages(
        _ rows: Rows
    ) throws(PostgresError) -> [(streamID: Int64, json: [UInt8])] {
        var messages: [(streamID: Int64, json: [UInt8])] = []
        for row in rows { messages.append((try row.integer(0), try row.bytes(1))) }
        return messages
    }

    /// Deletes what a device says that it has received.
    public static func deleting(
        userID: String, deviceID: String, upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (delete, [.text(userID), .text(deviceID), .integer(upTo)])
    }

    static func deletion(userID: String, deviceIDs: [String]) -> Command {
        (deleteDevices, [.text(userID), .textArray(deviceIDs)])
    }

    /// The highest stream id ever used, whether or not its messages are still there: clients have tokens of it.
    public static func maximumStreamID(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(maximum, [], on: loop).firstInteger ?? 0
    }

    /// Whose devices got messages after `from` and up to `to`, oldest first, for replication's catch-up.
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

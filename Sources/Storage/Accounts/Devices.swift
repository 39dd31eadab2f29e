public import Postgres
public import Reactor

/// The devices users have logged in with: table `devices`.
public enum Devices {
    static let schema = """
        CREATE TABLE devices (
            user_id text NOT NULL,
            device_id text NOT NULL,
            display_name text,
            last_seen bigint,
            ip text,
            user_agent text,
            hidden boolean DEFAULT false,
            UNIQUE (user_id, device_id)
        );
        """

    /// A device as its owner sees it.
    public struct Device: Sendable, Hashable {
        /// The device's id, unique for its user.
        public let deviceID: String
        /// The name its owner gave it.
        public let displayName: String?
        /// When it last spoke, in milliseconds since 1970.
        public let lastSeen: Int64?
        /// The address it last spoke from.
        public let address: String?
    }

    private static let upsert = Statement(
        "devices_upsert",
        """
        INSERT INTO devices (user_id, device_id, display_name, last_seen, hidden)
        VALUES ($1, $2, $3, $4, false) ON CONFLICT (user_id, device_id) DO NOTHING
        RETURNING device_id
        """)

    private static let delete = Statement(
        "devices_delete",
        "DELETE FROM devices WHERE user_id = $1 AND device_id = ANY($2::text[])")

    private static let list = Statement(
        "devices_list",
        """
        SELECT device_id, display_name, last_seen, ip FROM devices
        WHERE user_id = $1 AND NOT coalesce(hidden, false) ORDER BY device_id
        """)

    private static let find = Statement(
        "devices_find",
        """
        SELECT device_id, display_name, last_seen, ip FROM devices
        WHERE user_id = $1 AND device_id = $2 AND NOT coalesce(hidden, false)
        """)

    private static let rename = Statement(
        "devices_rename",
        """
        UPDATE devices SET display_name = $3
        WHERE user_id = $1 AND device_id = $2 AND NOT coalesce(hidden, false)
        RETURNING device_id
        """)

    /// Stores a device unless it is known; a known one keeps its display name.
    ///
    /// Returns whether it is new.
    public static func add(
        userID: String, deviceID: String, displayName: String?, now: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(
            upsert,
            [.text(userID), .text(deviceID), PostgresValue(displayName), .integer(now)], on: loop)
        return !rows.isEmpty
    }

    static func deletion(userID: String, deviceIDs: [String]) -> Command {
        (delete, [.text(userID), .textArray(deviceIDs)])
    }

    /// The devices of a user, ordered by id.
    public static func all(
        userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Device] {
        try devices(await database.query(list, [.text(userID)], on: loop))
    }

    /// One device of a user.
    public static func device(
        _ deviceID: String, userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Device? {
        try devices(await database.query(find, [.text(userID), .text(deviceID)], on: loop)).first
    }

    private static func devices(_ rows: Rows) throws(PostgresError) -> [Device] {
        var devices: [Device] = []
        for row in rows {
            devices.append(
                Device(
                    deviceID: try row.text(0), displayName: try row.optionalText(1),
                    lastSeen: try row.optionalInteger(2), address: try row.optionalText(3)))
        }
        return devices
    }

    /// Names a device.
    ///
    /// Returns false when there is no such device.
    public static func rename(
        userID: String, deviceID: String, displayName: String?, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(
            rename, [.text(userID), .text(deviceID), PostgresValue(displayName)], on: loop)
        return !rows.isEmpty
    }
}

public import Postgres
public import Reactor

/// The identity keys of devices: table `e2e_device_keys_json`.
public enum DeviceKeys {
    static let schema = """
        CREATE TABLE e2e_device_keys_json (
            user_id text NOT NULL,
            device_id text NOT NULL,
            ts_added_ms bigint NOT NULL,
            key_json text NOT NULL,
            CONSTRAINT e2e_device_keys_json_uniqueness UNIQUE (user_id, device_id)
        );
        """

    /// A device's keys.
    public struct Keys: Sendable, Hashable {
        /// Whose.
        public let userID: String
        /// The device.
        public let deviceID: String
        /// The object that the device uploaded, as canonical JSON.
        public let json: String
        /// What its owner calls the device.
        public let displayName: String?
    }

    // Says nothing when the same keys are stored already.
    private static let upsert = Statement(
        "device_keys_upsert",
        """
        INSERT INTO e2e_device_keys_json (user_id, device_id, ts_added_ms, key_json)
        VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, device_id)
        DO UPDATE SET ts_added_ms = EXCLUDED.ts_added_ms, key_json = EXCLUDED.key_json
        WHERE e2e_device_keys_json.key_json <> EXCLUDED.key_json RETURNING device_id
        """)

    // No device means all of a user's.
    private static let find = Statement(
        "device_keys_find",
        """
        SELECT k.user_id, k.device_id, k.key_json, d.display_name
        FROM unnest($1::text[], $2::text[]) AS q (user_id, device_id)
        JOIN e2e_device_keys_json k ON k.user_id = q.user_id
            AND (q.device_id IS NULL OR k.device_id = q.device_id)
        LEFT JOIN devices d ON d.user_id = k.user_id AND d.device_id = k.device_id
        """)

    private static let delete = Statement(
        "device_keys_delete",
        "DELETE FROM e2e_device_keys_json WHERE user_id = $1 AND device_id = ANY($2::text[])")

    /// Stores a device's keys.
    ///
    /// Returns false when they were there already.
    public static func store(
        _ json: String, userID: String, deviceID: String, now: Int64,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(
            upsert, [.text(userID), .text(deviceID), .integer(now), .text(json)], on: loop)
        return !rows.isEmpty
    }

    /// The keys of the devices asked for; a device of nil asks for all of the user's.
    public static func keys(
        of devices: [(userID: String, deviceID: String?)], in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Keys] {
        let rows = try await database.query(
            find,
            [.textArray(devices.map(\.userID)), .optionalTextArray(devices.map(\.deviceID))],
            on: loop)
        var keys: [Keys] = []
        keys.reserveCapacity(rows.count)
        for row in rows {
            keys.append(
                Keys(
                    userID: try row.text(0), deviceID: try row.text(1), json: try row.text(2),
                    displayName: try row.optionalText(3)))
        }
        return keys
    }

    static func deletion(userID: String, deviceIDs: [String]) -> Command {
        (delete, [.text(userID), .textArray(deviceIDs)])
    }
}

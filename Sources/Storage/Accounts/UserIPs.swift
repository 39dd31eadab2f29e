public import Postgres
public import Reactor

/// From where users' devices were seen: table `user_ips`, and the last sighting in `devices`.
public enum UserIPs {
    static let schema = """
        CREATE TABLE user_ips (
            user_id text NOT NULL,
            access_token text NOT NULL,
            device_id text,
            ip text NOT NULL,
            user_agent text NOT NULL,
            last_seen bigint NOT NULL
        );
        -- A sighting replaces the former one from the same place.
        CREATE UNIQUE INDEX user_ips_user_token_ip_unique_index
            ON user_ips (user_id, access_token, ip);
        -- A device's sightings.
        CREATE INDEX user_ips_device_id ON user_ips (user_id, device_id, last_seen);
        -- A user's sightings.
        CREATE INDEX user_ips_last_seen ON user_ips (user_id, last_seen);
        -- Old sightings are pruned.
        CREATE INDEX user_ips_last_seen_only ON user_ips (last_seen);
        """

    /// One sighting.
    public struct Sighting: Sendable, Hashable {
        /// Who.
        public var userID: String
        /// With which token.
        public var accessToken: String
        /// With which device.
        public var deviceID: String?
        /// From which address.
        public var address: String
        /// What the client calls itself.
        public var userAgent: String
        /// When, in milliseconds since 1970.
        public var time: Int64

        /// A sighting.
        public init(
            userID: String, accessToken: String, deviceID: String?, address: String,
            userAgent: String, time: Int64
        ) {
            self.userID = userID
            self.accessToken = accessToken
            self.deviceID = deviceID
            self.address = address
            self.userAgent = userAgent
            self.time = time
        }
    }

    private static let upsert = Statement(
        "user_ips_upsert",
        """
        INSERT INTO user_ips (user_id, access_token, device_id, ip, user_agent, last_seen)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
            $6::bigint[])
        ON CONFLICT (user_id, access_token, ip) DO UPDATE SET device_id = EXCLUDED.device_id,
            user_agent = EXCLUDED.user_agent, last_seen = EXCLUDED.last_seen
        """)

    private static let updateDevices = Statement(
        "devices_seen",
        """
        UPDATE devices d SET last_seen = s.seen, ip = s.ip, user_agent = s.agent
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
            AS s (user_id, device_id, ip, agent, seen)
        WHERE d.user_id = s.user_id AND d.device_id = s.device_id
            AND coalesce(d.last_seen, 0) < s.seen
        """)

    private static let prune = Statement(
        "user_ips_prune", "DELETE FROM user_ips WHERE last_seen < $1")

    /// Stores sightings, of which no two may share user, token and address.
    public static func store(
        _ sightings: [Sighting], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        guard !sightings.isEmpty else { return }
        // Two updates of one row by one statement would leave either.
        var latest: [[String]: Sighting] = [:]
        for sighting in sightings {
            guard let deviceID = sighting.deviceID else { continue }
            let key = [sighting.userID, deviceID]
            if let known = latest[key], known.time >= sighting.time { continue }
            latest[key] = sighting
        }
        // In a fixed order, so that two writers cannot wait for each other.
        let devices = latest.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        _ = try await database.queryAll(
            [
                (
                    upsert,
                    [
                        .textArray(sightings.map(\.userID)),
                        .textArray(sightings.map(\.accessToken)),
                        .optionalTextArray(sightings.map(\.deviceID)),
                        .textArray(sightings.map(\.address)),
                        .textArray(sightings.map(\.userAgent)),
                        .integerArray(sightings.map(\.time)),
                    ]
                ),
                (
                    updateDevices,
                    [
                        .textArray(devices.map { $0.key[0] }),
                        .textArray(devices.map { $0.key[1] }),
                        .textArray(devices.map(\.value.address)),
                        .textArray(devices.map(\.value.userAgent)),
                        .integerArray(devices.map(\.value.time)),
                    ]
                ),
            ], on: loop)
    }

    /// Forgets sightings from before a time.
    public static func prune(
        before time: Int64, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(prune, [.integer(time)], on: loop)
    }
}

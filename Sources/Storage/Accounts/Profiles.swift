public import Postgres
public import Reactor

/// What users call themselves: table `profiles`, whose `user_id` is the localpart for historical reasons.
public enum Profiles {
    static let schema = """
        CREATE TABLE profiles (
            user_id text NOT NULL,
            displayname text,
            avatar_url text,
            full_user_id text,
            fields jsonb,
            UNIQUE (user_id),
            UNIQUE (full_user_id)
        );
        """

    /// A user's profile.
    public struct Profile: Sendable, Hashable {
        /// The name shown to others.
        public var displayName: String?
        /// An `mxc:` address.
        public var avatarURL: String?

        /// A profile with these fields.
        public init(displayName: String? = nil, avatarURL: String? = nil) {
            self.displayName = displayName
            self.avatarURL = avatarURL
        }
    }

    private static let findFields = Statement(
        "profiles_find_fields", "SELECT fields::text FROM profiles WHERE full_user_id = $1")

    // The row is locked by the update, so that the size that is checked is the size that is stored.
    private static let setField = Statement(
        "profiles_set_field",
        """
        UPDATE profiles SET fields = coalesce(fields, '{}'::jsonb) || jsonb_build_object($2::text, $3::jsonb)
        WHERE full_user_id = $1 AND octet_length((coalesce(fields, '{}'::jsonb)
            || jsonb_build_object($2::text, $3::jsonb))::text)
            + coalesce(octet_length(displayname), 0) + coalesce(octet_length(avatar_url), 0) < $4
        RETURNING user_id
        """)

    private static let removeField = Statement(
        "profiles_remove_field",
        "UPDATE profiles SET fields = fields - $2::text WHERE full_user_id = $1")

    private static let find = Statement(
        "profiles_find",
        "SELECT displayname, avatar_url FROM profiles WHERE full_user_id = $1")

    private static let upsert = Statement(
        "profiles_upsert",
        """
        INSERT INTO profiles (user_id, full_user_id, displayname, avatar_url)
        VALUES ($1, $2, $3, $4) ON CONFLICT (full_user_id)
        DO UPDATE SET displayname = EXCLUDED.displayname, avatar_url = EXCLUDED.avatar_url
        """)

    /// The profile of a user of this server, or nil when there is no such user.
    public static func profile(
        of userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Profile? {
        guard let row = try await database.query(find, [.text(userID)], on: loop).first else {
            return nil
        }
        return Profile(
            displayName: try row.optionalText(0), avatarURL: try row.optionalText(1))
    }

    /// Stores a profile, making or replacing the user's row.
    public static func store(
        _ profile: Profile, userID: String, localpart: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            upsert,
            [
                .text(localpart), .text(userID), PostgresValue(profile.displayName),
                PostgresValue(profile.avatarURL),
            ], on: loop)
    }

    /// The JSON object of a profile's further fields, or nil when it has none.
    public static func fields(
        of userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> String? {
        try await database.query(findFields, [.text(userID)], on: loop).first?.optionalText(0)
    }

    /// Sets a further field to a JSON value.
    ///
    /// Returns false when there is no profile, or when it would take `bytesMax` bytes or more.
    public static func setField(
        _ name: String, to value: String, userID: String, bytesMax: Int,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(
            setField,
            [.text(userID), .text(name), .text(value), .integer(Int64(bytesMax))], on: loop)
        return !rows.isEmpty
    }

    /// Removes a further field.
    public static func removeField(
        _ name: String, userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(removeField, [.text(userID), .text(name)], on: loop)
    }
}

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
}

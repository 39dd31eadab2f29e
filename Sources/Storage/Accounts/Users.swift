public import Postgres
public import Reactor

/// The accounts of this server: table `users`.
public enum Users {
    static let schema = """
        CREATE TABLE users (
            name text,
            password_hash text,
            creation_ts bigint,
            admin smallint NOT NULL DEFAULT 0,
            upgrade_ts bigint,
            is_guest smallint NOT NULL DEFAULT 0,
            appservice_id text,
            consent_version text,
            consent_server_notice_sent text,
            user_type text,
            deactivated smallint NOT NULL DEFAULT 0,
            shadow_banned boolean,
            consent_ts bigint,
            approved boolean,
            locked boolean NOT NULL DEFAULT false,
            suspended boolean NOT NULL DEFAULT false,
            UNIQUE (name)
        );
        -- Statistics ask for the accounts made since a time.
        CREATE INDEX users_creation_ts ON users (creation_ts);
        """

    /// What login needs to know of an account.
    public struct Account: Sendable, Hashable {
        /// The full user id.
        public let userID: String
        /// The bcrypt hash, absent for accounts that cannot log in with a password.
        public let passwordHash: String?
        /// Whether the account was closed for good.
        public let isDeactivated: Bool
        /// Whether the account is a guest's.
        public let isGuest: Bool
    }

    private static let insert = Statement(
        "users_insert",
        """
        INSERT INTO users (name, password_hash, creation_ts, admin, is_guest)
        VALUES ($1, $2, $3, $4, 0) ON CONFLICT (name) DO NOTHING RETURNING name
        """)

    private static let find = Statement(
        "users_find",
        """
        SELECT name, password_hash, deactivated, is_guest FROM users WHERE name = $1
        """)

    /// Makes an account.
    ///
    /// Returns false when the name is taken. `createdAt` is in seconds, as Synapse stores it.
    public static func create(
        userID: String, passwordHash: String?, createdAt: Int64, isAdmin: Bool = false,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(
            insert,
            [
                .text(userID), PostgresValue(passwordHash), .integer(createdAt),
                .integer(isAdmin ? 1 : 0),
            ], on: loop)
        return !rows.isEmpty
    }

    /// The account with exactly this id.
    public static func account(
        _ userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Account? {
        try account(await database.query(find, [.text(userID)], on: loop))
    }

    private static func account(_ rows: Rows) throws(PostgresError) -> Account? {
        guard let row = rows.first else { return nil }
        return Account(
            userID: try row.text(0), passwordHash: try row.optionalText(1),
            isDeactivated: try row.integer(2) != 0, isGuest: try row.integer(3) != 0)
    }
}

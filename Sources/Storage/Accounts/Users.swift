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

    /// Numbers of guests.
    static let numbers = "CREATE SEQUENCE user_id_seq;"

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
        /// Whether the account is one of the server's administrators.
        public let isAdmin: Bool
    }

    private static let insert = Statement(
        "users_insert",
        """
        INSERT INTO users (name, password_hash, creation_ts, admin, is_guest, user_type)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING name
        """)

    private static let setPassword = Statement(
        "users_set_password",
        "UPDATE users SET password_hash = $2 WHERE name = $1 AND deactivated = 0")

    private static let nextNumber = Statement(
        "users_next_number", "SELECT nextval('user_id_seq')")

    private static let find = Statement(
        "users_find",
        """
        SELECT name, password_hash, deactivated, is_guest, admin FROM users WHERE name = $1
        """)

    /// Makes an account.
    ///
    /// Returns false when the name is taken. `createdAt` is in seconds, as Synapse stores it.
    public static func create(
        userID: String, passwordHash: String?, createdAt: Int64, isAdmin: Bool = false,
        isGuest: Bool = false, userType: String? = nil, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Bool {
        let rows = try await database.query(
            insert,
            [
                .text(userID), PostgresValue(passwordHash), .integer(createdAt),
                .integer(isAdmin ? 1 : 0), .integer(isGuest ? 1 : 0), PostgresValue(userType),
            ], on: loop)
        return !rows.isEmpty
    }

    /// Gives an account another password.
    public static func setPassword(
        _ passwordHash: String, userID: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            setPassword, [.text(userID), .text(passwordHash)], on: loop)
    }

    /// A number that no guest has had.
    public static func nextNumber(
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Int64 {
        try await database.query(nextNumber, [], on: loop).firstInteger ?? 0
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
            isDeactivated: try row.integer(2) != 0, isGuest: try row.integer(3) != 0,
            isAdmin: try row.integer(4) != 0)
    }
}

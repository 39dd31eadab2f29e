public import Postgres
public import Reactor

/// E-mail addresses and telephone numbers of accounts: table `user_threepids`.
public enum UserThreePIDs {
    static let schema = """
        CREATE TABLE user_threepids (
            user_id text NOT NULL,
            medium text NOT NULL,
            address text NOT NULL,
            validated_at bigint NOT NULL,
            added_at bigint NOT NULL,
            CONSTRAINT medium_address UNIQUE (medium, address)
        );
        -- An account's list.
        CREATE INDEX user_threepids_user_id ON user_threepids (user_id);
        """

    /// An address of an account.
    public struct Address: Sendable, Hashable {
        /// `email` or `msisdn`.
        public let medium: String
        /// The address or number.
        public let address: String
        /// When it was proved, in milliseconds since 1970.
        public let validatedAt: Int64
        /// When it was added.
        public let addedAt: Int64
    }

    private static let list = Statement(
        "user_threepids_list",
        """
        SELECT medium, address, validated_at, added_at FROM user_threepids
        WHERE user_id = $1 ORDER BY added_at
        """)

    /// The addresses of an account, oldest first.
    public static func all(
        userID: String, in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Address] {
        var addresses: [Address] = []
        for row in try await database.query(list, [.text(userID)], on: loop) {
            addresses.append(
                Address(
                    medium: try row.text(0), address: try row.text(1),
                    validatedAt: try row.integer(2), addedAt: try row.integer(3)))
        }
        return addresses
    }
}

public import Postgres
public import Reactor

/// The keys with which users vouch for their own devices and for each other, and the signatures made with them: tables
/// `e2e_cross_signing_keys` and `e2e_cross_signing_signatures`.
public enum CrossSigning {
    static let schema = """
        CREATE TABLE e2e_cross_signing_keys (
            user_id text NOT NULL,
            keytype text NOT NULL,
            keydata text NOT NULL,
            stream_id bigint NOT NULL,
            updatable_without_uia_before_ms bigint,
            instance_name text
        );
        -- The newest key of each kind counts.
        CREATE UNIQUE INDEX e2e_cross_signing_keys_idx
            ON e2e_cross_signing_keys (user_id, keytype, stream_id);
        CREATE UNIQUE INDEX e2e_cross_signing_keys_stream_idx
            ON e2e_cross_signing_keys (stream_id);
        CREATE SEQUENCE e2e_cross_signing_keys_sequence;

        CREATE TABLE e2e_cross_signing_signatures (
            user_id text NOT NULL,
            key_id text NOT NULL,
            target_user_id text NOT NULL,
            target_device_id text NOT NULL,
            signature text NOT NULL
        );
        -- The signatures that a user made under a device or key; a new one replaces the old.
        CREATE UNIQUE INDEX e2e_cross_signing_signatures2_idx ON e2e_cross_signing_signatures
            (user_id, target_user_id, target_device_id, key_id);
        -- Removing a device removes what was signed under it, whoever signed.
        CREATE INDEX e2e_cross_signing_signatures_target_idx
            ON e2e_cross_signing_signatures (target_user_id, target_device_id);
        """

    /// A key of a user.
    public struct Key: Sendable, Hashable {
        /// Whose.
        public let userID: String
        /// `master`, `self_signing` or `user_signing`.
        public let kind: String
        /// The key object, as canonical JSON.
        public let json: String
    }

    /// A signature under a device's keys or a user's master key.
    public struct Signature: Sendable, Hashable {
        /// Who signed.
        public let signerID: String
        /// The key it was made with, such as `ed25519:…`.
        public let keyID: String
        /// Whose key was signed.
        public let targetUserID: String
        /// The device, or the text of the master key.
        public let targetDeviceID: String
        /// The signature.
        public let signature: String

        /// A signature.
        public init(
            signerID: String, keyID: String, targetUserID: String, targetDeviceID: String,
            signature: String
        ) {
            self.signerID = signerID
            self.keyID = keyID
            self.targetUserID = targetUserID
            self.targetDeviceID = targetDeviceID
            self.signature = signature
        }
    }

    private static let insertKeys = Statement(
        "cross_signing_keys_insert",
        """
        INSERT INTO e2e_cross_signing_keys (user_id, keytype, keydata, stream_id, instance_name)
        SELECT $1, t, d, nextval('e2e_cross_signing_keys_sequence'), 'master'
        FROM unnest($2::text[], $3::text[]) AS x (t, d)
        """)

    private static let findKeys = Statement(
        "cross_signing_keys_find",
        """
        SELECT DISTINCT ON (user_id, keytype) user_id, keytype, keydata
        FROM e2e_cross_signing_keys WHERE user_id = ANY($1::text[])
        ORDER BY user_id, keytype, stream_id DESC
        """)

    private static let insertSignatures = Statement(
        "cross_signing_signatures_upsert",
        """
        INSERT INTO e2e_cross_signing_signatures
            (user_id, key_id, target_user_id, target_device_id, signature)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        ON CONFLICT (user_id, target_user_id, target_device_id, key_id)
        DO UPDATE SET signature = EXCLUDED.signature
        """)

    // Users see the signatures of their own and of the key's owner: what others vouch for is their business.
    private static let findSignatures = Statement(
        "cross_signing_signatures_find",
        """
        SELECT user_id, key_id, target_user_id, target_device_id, signature
        FROM e2e_cross_signing_signatures
        WHERE target_user_id = ANY($2::text[]) AND (user_id = $1 OR user_id = target_user_id)
        """)

    private static let deleteSignatures = Statement(
        "cross_signing_signatures_delete",
        """
        DELETE FROM e2e_cross_signing_signatures
        WHERE target_user_id = $1 AND target_device_id = ANY($2::text[])
        """)

    /// Stores keys of a user, at most one of each kind.
    public static func add(
        _ keys: [(kind: String, json: String)], userID: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) {
        _ = try await database.query(
            insertKeys,
            [.text(userID), .textArray(keys.map(\.kind)), .textArray(keys.map(\.json))], on: loop)
    }

    /// The keys that count now, of some users.
    public static func keys(
        of userIDs: [String], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Key] {
        var keys: [Key] = []
        for row in try await database.query(findKeys, [.textArray(userIDs)], on: loop) {
            keys.append(
                Key(userID: try row.text(0), kind: try row.text(1), json: try row.text(2)))
        }
        return keys
    }

    /// Stores signatures, of which no two may share signer, key and target.
    public static func add(
        _ signatures: [Signature], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        guard !signatures.isEmpty else { return }
        _ = try await database.query(
            insertSignatures,
            [
                .textArray(signatures.map(\.signerID)), .textArray(signatures.map(\.keyID)),
                .textArray(signatures.map(\.targetUserID)),
                .textArray(signatures.map(\.targetDeviceID)),
                .textArray(signatures.map(\.signature)),
            ], on: loop)
    }

    /// The signatures under keys and devices of some users that `viewerID` may see: the users' own and the viewer's.
    public static func signatures(
        under userIDs: [String], seenBy viewerID: String, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Signature] {
        let rows = try await database.query(
            findSignatures, [.text(viewerID), .textArray(userIDs)], on: loop)
        var signatures: [Signature] = []
        for row in rows {
            signatures.append(
                Signature(
                    signerID: try row.text(0), keyID: try row.text(1),
                    targetUserID: try row.text(2), targetDeviceID: try row.text(3),
                    signature: try row.text(4)))
        }
        return signatures
    }

    static func deletion(userID: String, deviceIDs: [String]) -> Command {
        (deleteSignatures, [.text(userID), .textArray(deviceIDs)])
    }
}

public import Postgres

/// Reads what belongs to one user alone, and the receipts of rooms.
public enum SyncPersonalData {
    /// A piece of account data.
    public struct AccountDatum: Sendable, Hashable {
        /// The room it belongs to; nil for the account's own.
        public let roomID: String?
        /// The event type.
        public let type: String
        /// The content's JSON.
        public let content: [UInt8]
    }

    /// A tag on a room.
    public struct Tag: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// The tag; nil for a room whose last tag was removed.
        public let name: String?
        /// The content's JSON.
        public let content: [UInt8]
    }

    /// A receipt.
    public struct Receipt: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// `m.read` and the like.
        public let type: String
        /// Who read.
        public let userID: String
        /// The event read up to.
        public let eventID: String
        /// JSON with the time.
        public let data: [UInt8]
        /// The thread it counts for.
        public let threadID: String?
    }

    private static let accountData = Statement(
        "sync_account_data",
        """
        SELECT NULL::text, account_data_type, content FROM account_data
        WHERE user_id = $1 AND stream_id > $2 AND stream_id <= $3
        UNION ALL
        SELECT room_id, account_data_type, content FROM room_account_data
        WHERE user_id = $1 AND stream_id > $2 AND stream_id <= $3
        ORDER BY 1 NULLS FIRST, 2
        """)

    private static let tags = Statement(
        "sync_tags",
        """
        SELECT v.room_id, t.tag, t.content FROM room_tags_revisions v
        LEFT JOIN room_tags t ON t.user_id = v.user_id AND t.room_id = v.room_id
        WHERE v.user_id = $1 AND v.stream_id > $2 AND v.stream_id <= $3
        ORDER BY v.room_id, t.tag
        """)

    private static let dataOfRooms = Statement(
        "sync_account_data_of_rooms",
        """
        SELECT room_id, account_data_type, content FROM room_account_data
        WHERE user_id = $1 AND room_id = ANY ($2::text[]) AND stream_id <= $3 ORDER BY 1, 2
        """)

    private static let tagsOfRooms = Statement(
        "sync_tags_of_rooms",
        """
        SELECT v.room_id, t.tag, t.content FROM room_tags_revisions v
        JOIN room_tags t ON t.user_id = v.user_id AND t.room_id = v.room_id
        WHERE v.user_id = $1 AND v.room_id = ANY ($2::text[]) AND v.stream_id <= $3
        ORDER BY v.room_id, t.tag
        """)

    // Private receipts are nobody else's business.
    private static let receipts = Statement(
        "sync_receipts",
        """
        SELECT r.room_id, r.receipt_type, r.user_id, r.event_id, r.data, r.thread_id
        FROM unnest($1::text[], $2::bigint[]) AS w (room, low)
        JOIN receipts_linearized r
            ON r.room_id = w.room AND r.stream_id > w.low AND r.stream_id <= $3
        WHERE r.receipt_type <> 'm.read.private' OR r.user_id = $4
        ORDER BY r.room_id, r.stream_id
        """)

    /// A user's account data that changed after a position and up to another.
    public static func readingAccountData(
        userID: String, after: Int64, upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (accountData, [.text(userID), .integer(after), .integer(upTo)])
    }

    /// All of a user's tags on the rooms where a tag changed after a position and up to another.
    public static func readingTags(
        userID: String, after: Int64, upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (tags, [.text(userID), .integer(after), .integer(upTo)])
    }

    /// All of a user's account data of some rooms, up to a position.
    public static func readingAccountData(
        userID: String, roomIDs: [String], upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (dataOfRooms, [.text(userID), .textArray(roomIDs), .integer(upTo)])
    }

    /// All of a user's tags on some rooms, up to a position.
    public static func readingTags(
        userID: String, roomIDs: [String], upTo: Int64
    ) -> (Statement, [PostgresValue]) {
        (tagsOfRooms, [.text(userID), .textArray(roomIDs), .integer(upTo)])
    }

    /// The receipts that a user may see, in rooms each after a position of its own, up to one for all.
    public static func readingReceipts(
        rooms: [(roomID: String, after: Int64)], upTo: Int64, userID: String
    ) -> (Statement, [PostgresValue]) {
        (
            receipts,
            [
                .textArray(rooms.map(\.roomID)), .integerArray(rooms.map(\.after)),
                .integer(upTo), .text(userID),
            ]
        )
    }

    /// What the statement of `readingAccountData` gave.
    public static func accountData(_ rows: Rows) throws(PostgresError) -> [AccountDatum] {
        var data: [AccountDatum] = []
        for row in rows {
            data.append(
                AccountDatum(
                    roomID: try row.optionalText(0), type: try row.text(1),
                    content: try row.bytes(2)))
        }
        return data
    }

    /// What the statement of `readingTags` gave.
    public static func tags(_ rows: Rows) throws(PostgresError) -> [Tag] {
        var tags: [Tag] = []
        for row in rows {
            tags.append(
                Tag(
                    roomID: try row.text(0), name: try row.optionalText(1),
                    content: try row.optionalBytes(2) ?? Array("{}".utf8)))
        }
        return tags
    }

    /// What the statement of `readingReceipts` gave.
    public static func receipts(_ rows: Rows) throws(PostgresError) -> [Receipt] {
        var receipts: [Receipt] = []
        receipts.reserveCapacity(rows.count)
        for row in rows {
            receipts.append(
                Receipt(
                    roomID: try row.text(0), type: try row.text(1), userID: try row.text(2),
                    eventID: try row.text(3), data: try row.bytes(4),
                    threadID: try row.optionalText(5)))
        }
        return receipts
    }
}

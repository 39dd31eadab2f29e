public import Postgres

extension SyncRoomState {
    /// A setting of history visibility.
    public struct Visibility: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// Since when.
        public let streamOrdering: Int64
        /// The event as JSON text.
        public let json: [UInt8]
    }

    /// Who is in a room, in short.
    public struct Summary: Sendable, Hashable {
        /// The room.
        public let roomID: String
        /// How many have joined.
        public let joined: Int64
        /// How many are invited.
        public let invited: Int64
        /// The first six who have joined or are invited.
        public let first: [String]
        /// The first six who have left or are banned.
        public let gone: [String]
    }

    /// What the statements that read state gave.
    public static func events(_ rows: Rows) throws(PostgresError) -> [SyncEvent] {
        try SyncEvent.read(rows)
    }

    /// What the statement of `readingVisibility` gave: by room, oldest first.
    public static func visibilities(_ rows: Rows) throws(PostgresError) -> [String: [Visibility]] {
        var visibilities: [String: [Visibility]] = [:]
        for row in rows {
            let visibility = Visibility(
                roomID: try row.text(0), streamOrdering: try row.integer(1),
                json: try row.bytes(2))
            visibilities[visibility.roomID, default: []].append(visibility)
        }
        return visibilities
    }

    /// What the statement of `readingSummaries` gave.
    public static func summaries(_ rows: Rows) throws(PostgresError) -> [Summary] {
        var summaries: [Summary] = []
        for row in rows {
            summaries.append(
                Summary(
                    roomID: try row.text(0), joined: try row.integer(1),
                    invited: try row.integer(2), first: try row.textArray(3),
                    gone: try row.textArray(4)))
        }
        return summaries
    }
}

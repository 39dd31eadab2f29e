public import Postgres
public import Reactor

extension EventRelations {
    /// Who asks what relates to some events, and up to where that reader knows the room.
    public struct Reader: Sendable, Hashable {
        /// The user, whose ignored users do not count.
        public var userID: String
        /// The last position that the user may know of.
        public var upTo: Int64

        /// A reader with these fields.
        public init(userID: String, upTo: Int64) {
            self.userID = userID
            self.upTo = upTo
        }
    }

    /// What is told of a thread with its root.
    public struct Thread: Sendable, Hashable {
        /// The newest event, topologically.
        public let latestEventID: String
        /// How many events the thread has, without its root.
        public let count: Int64
        /// Whether the reader sent one of them.
        public let isReaderAmongSenders: Bool
    }

    private static let kinds = Statement(
        "event_relations_kinds",
        """
        SELECT DISTINCT relation_type FROM event_relations
        WHERE relates_to_id = ANY ($1::text[])
        AND relation_type IN ('m.replace', 'm.thread', 'm.reference')
        """)

    /// The join and the conditions that all aggregations share: `o` is the event related to, `e` the relating one.
    private static let counted = """
        FROM event_relations c JOIN events e ON e.event_id = c.event_id
        JOIN events o ON o.event_id = c.relates_to_id AND o.room_id = e.room_id
        WHERE c.relates_to_id = ANY ($1::text[]) AND e.stream_ordering <= $2
        AND NOT e.outlier AND e.rejection_reason IS NULL
        AND NOT EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = e.event_id)
        """

    private static let threads = Statement(
        "event_relations_threads",
        """
        SELECT c.relates_to_id, count(*), bool_or(e.sender = $3),
            (array_agg(e.event_id ORDER BY e.topological_ordering DESC, e.stream_ordering DESC))[1]
        \(counted) AND c.relation_type = 'm.thread' AND NOT EXISTS (
            SELECT 1 FROM ignored_users i
            WHERE i.ignorer_user_id = $3 AND i.ignored_user_id = e.sender)
        AND NOT EXISTS (SELECT 1 FROM event_relations p WHERE p.event_id = o.event_id)
        GROUP BY c.relates_to_id
        """)

    // The newest by the sender's clock, then by the id. An edit without new content is none; to look
    // for the word is enough to find candidates, since the reader of this checks the event.
    private static let edits = Statement(
        "event_relations_edits",
        """
        SELECT DISTINCT ON (c.relates_to_id) c.relates_to_id, e.event_id
        \(counted) AND c.relation_type = 'm.replace' AND o.type = e.type AND o.sender = e.sender
        AND o.state_key IS NULL AND e.state_key IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM event_relations p
            WHERE p.event_id = o.event_id AND p.relation_type = 'm.replace')
        AND (e.type = 'm.room.encrypted' OR EXISTS (
            SELECT 1 FROM event_json j
            WHERE j.event_id = e.event_id AND strpos(j.json, '"m.new_content"') > 0))
        ORDER BY c.relates_to_id, e.origin_server_ts DESC, e.event_id DESC
        """)

    private static let references = Statement(
        "event_relations_references",
        """
        SELECT c.relates_to_id, e.event_id \(counted) AND c.relation_type = 'm.reference'
        AND NOT EXISTS (
            SELECT 1 FROM ignored_users i
            WHERE i.ignorer_user_id = $4 AND i.ignored_user_id = e.sender)
        ORDER BY c.relates_to_id, e.topological_ordering, e.stream_ordering LIMIT $3
        """)

    /// Which kinds of relation that are told with the event related to any of some events have.
    ///
    /// One look at an index, so that the usual page of messages, without any, costs little.
    public static func kinds(
        of eventIDs: [String], in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> Set<String> {
        if eventIDs.isEmpty { return [] }
        return Set(try await database.query(kinds, [.textArray(eventIDs)], on: loop).texts())
    }

    /// The threads whose roots some events are, by root.
    public static func threads(
        of eventIDs: [String], for reader: Reader, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String: Thread] {
        let parameters: [PostgresValue] = [
            .textArray(eventIDs), .integer(reader.upTo), .text(reader.userID),
        ]
        var found: [String: Thread] = [:]
        for row in try await database.query(threads, parameters, on: loop) {
            found[try row.text(0)] = Thread(
                latestEventID: try row.text(3), count: try row.integer(1),
                isReaderAmongSenders: try row.bool(2))
        }
        return found
    }

    /// The newest edits of some events, by the event edited. Whether the new content is one is to be checked.
    public static func edits(
        of eventIDs: [String], for reader: Reader, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String: String] {
        let rows = try await database.query(
            edits, [.textArray(eventIDs), .integer(reader.upTo)], on: loop)
        var found: [String: String] = [:]
        for row in rows { found[try row.text(0)] = try row.text(1) }
        return found
    }

    /// The events that refer to some events, by the event referred to, oldest first; `limit` of them in all.
    public static func references(
        to eventIDs: [String], for reader: Reader, limit: Int, in database: any Database,
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> [String: [String]] {
        let parameters: [PostgresValue] = [
            .textArray(eventIDs), .integer(reader.upTo), .integer(Int64(limit)),
            .text(reader.userID),
        ]
        var found: [String: [String]] = [:]
        for row in try await database.query(references, parameters, on: loop) {
            found[try row.text(0), default: []].append(try row.text(1))
        }
        return found
    }
}

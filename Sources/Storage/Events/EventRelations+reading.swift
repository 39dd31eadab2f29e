public import Postgres
public import Reactor

extension EventRelations {
    /// Which of the events that relate to one are wanted.
    public struct Query: Sendable, Hashable {
        /// The event related to.
        public var eventID: String
        /// The room of both.
        public var roomID: String
        /// The kind of relation; nil for any.
        public var relationType: String?
        /// The type of the relating events; nil for any.
        public var type: String?
        /// How many relations may lie between; 1 for direct ones only.
        public var depthMax: Int64

        /// A query with these conditions.
        public init(
            eventID: String, roomID: String, relationType: String?, type: String?, depthMax: Int64
        ) {
            self.eventID = eventID
            self.roomID = roomID
            self.relationType = relationType
            self.type = type
            self.depthMax = depthMax
        }
    }

    private static func page(isBackwards: Bool) -> String {
        let (first, second) = isBackwards ? ("<=", ">") : (">", "<=")
        let order = isBackwards ? "DESC" : "ASC"
        return """
            WITH RECURSIVE related (event_id, relation_type, depth) AS (
                SELECT event_id, relation_type, 1::bigint FROM event_relations
                WHERE relates_to_id = $1
                UNION
                SELECT c.event_id, c.relation_type, r.depth + 1
                FROM related r JOIN event_relations c ON c.relates_to_id = r.event_id
                WHERE r.depth < $5
                AND NOT EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = r.event_id)
            ), page AS (
                SELECT v.event_id FROM (
                    SELECT DISTINCT event_id FROM related
                    WHERE $3::text IS NULL OR relation_type = $3
                ) x JOIN events v ON v.event_id = x.event_id
                WHERE v.room_id = $2 AND ($4::text IS NULL OR v.type = $4) AND NOT v.outlier
                AND v.rejection_reason IS NULL
                AND NOT EXISTS (SELECT 1 FROM redactions d WHERE d.redacts = v.event_id)
                AND (v.topological_ordering, v.stream_ordering) \(first) ($6, $7)
                AND (v.topological_ordering, v.stream_ordering) \(second) ($8, $9)
                ORDER BY v.topological_ordering \(order), v.stream_ordering \(order) LIMIT $10
            )
            \(StoredEvent.selection) JOIN page p ON p.event_id = e.event_id
            ORDER BY e.topological_ordering \(order), e.stream_ordering \(order)
            """
    }

    static let backwards = Statement(
        "event_relations_backwards", page(isBackwards: true))
    static let forwards = Statement(
        "event_relations_forwards", page(isBackwards: false))

    /// A page of the events that relate to one, in topological order, without redacted ones, which
    /// relate to nothing.
    ///
    /// The places are those of ``Events/page(roomID:from:to:isBackwards:limit:in:on:)``.
    public static func page(
        _ query: Query, from: EventPlace, to: EventPlace, isBackwards: Bool, limit: Int,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [StoredEvent] {
        let parameters: [PostgresValue] = [
            .text(query.eventID), .text(query.roomID), PostgresValue(query.relationType),
            PostgresValue(query.type), .integer(query.depthMax), .integer(from.topological),
            .integer(from.stream), .integer(to.topological), .integer(to.stream),
            .integer(Int64(limit)),
        ]
        let rows = try await database.query(
            isBackwards ? backwards : forwards, parameters, on: loop)
        var events: [StoredEvent] = []
        for row in rows { events.append(try StoredEvent(row)) }
        return events
    }
}

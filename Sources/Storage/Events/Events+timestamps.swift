public import Postgres
public import Reactor

extension Events {
    private static let atOrAfter = Statement(
        "events_at_or_after",
        """
        SELECT event_id, origin_server_ts FROM events
        WHERE room_id = $1 AND origin_server_ts >= $2 AND NOT outlier AND rejection_reason IS NULL
        ORDER BY origin_server_ts, topological_ordering, stream_ordering LIMIT $3
        """)

    private static let atOrBefore = Statement(
        "events_at_or_before",
        """
        SELECT event_id, origin_server_ts FROM events
        WHERE room_id = $1 AND origin_server_ts <= $2 AND NOT outlier AND rejection_reason IS NULL
        ORDER BY origin_server_ts DESC, topological_ordering DESC, stream_ordering DESC LIMIT $3
        """)

    /// The events of a room at or after a time, or at or before it, the nearest first.
    public static func nearest(
        to time: Int64, roomID: String, isBackwards: Bool, limit: Int,
        in database: any Database, on loop: isolated EventLoop
    ) async throws(PostgresError) -> [(eventID: String, timestamp: Int64)] {
        let rows = try await database.query(
            isBackwards ? atOrBefore : atOrAfter,
            [.text(roomID), .integer(time), .integer(Int64(limit))], on: loop)
        var events: [(eventID: String, timestamp: Int64)] = []
        for row in rows { events.append((try row.text(0), try row.integer(1))) }
        return events
    }
}

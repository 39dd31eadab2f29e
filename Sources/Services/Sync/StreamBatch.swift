public import ReplicationWire

/// Rows of one stream, as replication delivers them or as the main process's own services announce them.
public struct StreamBatch: Sendable {
    /// The stream.
    public let stream: StreamName
    /// The position of the stream after the rows.
    public let token: Int64
    /// The rows in order; none when only the position is known to have moved.
    public let rows: [ReplicationRow]
    /// Whether rows before `token` are missing, so that what they would have told must be read from the database.
    public let skipsRows: Bool

    /// A batch of these rows.
    public init(
        stream: StreamName, token: Int64, rows: [ReplicationRow], skipsRows: Bool = false
    ) {
        self.stream = stream
        self.token = token
        self.rows = rows
        self.skipsRows = skipsRows
    }
}

public import ReplicationWire

/// Rows of one stream, as replication delivers them or as the main process's own services announce them.
public struct StreamBatch: Sendable {
    /// The stream.
    public let stream: StreamName
    /// The position of the stream after the rows.
    public let token: Int64
    /// The rows in order; none when only the position is known to have moved.
    public let rows: [ReplicationRow]

    /// A batch of these rows.
    public init(stream: StreamName, token: Int64, rows: [ReplicationRow]) {
        self.stream = stream
        self.token = token
        self.rows = rows
    }
}

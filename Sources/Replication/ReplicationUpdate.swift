public import ReplicationWire

/// A row with its place in its stream.
public struct ReplicationUpdate: Sendable, Hashable {
    /// The row's token. Several rows may share one.
    public var token: Int64
    /// The row.
    public var row: ReplicationRow

    /// A row at its place.
    public init(token: Int64, row: ReplicationRow) {
        self.token = token
        self.row = row
    }
}

/// One row of a stream.
public struct RowData: Sendable, Hashable {
    /// The place of a row in its stream.
    public enum Token: Sendable, Hashable {
        /// More rows of the same token follow; the last of them carries its number.
        case batch
        /// The last or only row of this token.
        case number(Int64)
    }

    /// The stream.
    public var stream: StreamName
    /// Who wrote the row; only the named dialect says it.
    public var instance: String?
    /// Its place in the stream.
    public var token: Token
    /// The row.
    public var row: ReplicationRow

    /// A row with its place.
    public init(stream: StreamName, token: Token, row: ReplicationRow, instance: String? = nil) {
        self.stream = stream
        self.instance = instance
        self.token = token
        self.row = row
    }
}

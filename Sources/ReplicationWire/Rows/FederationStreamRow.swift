public import JSON

/// A row of `federation`: something for the process that sends to other servers.
public struct FederationStreamRow: Sendable, Hashable {
    /// `p` presence, `k` keyed EDU, `e` EDU, `f` failure, `d` device messages, …
    public var kind: String
    /// What belongs to the kind.
    public var data: JSON

    /// A row.
    public init(kind: String, data: JSON) {
        self.kind = kind
        self.data = data
    }
}

extension FederationStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(kind: try reader.string(), data: try reader.json())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(kind)
        writer.json(data)
    }
}

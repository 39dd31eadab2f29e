/// A row of `tag_account_data`: a user's tags of a room.
public struct TagAccountDataStreamRow: Sendable, Hashable {
    /// Whose tags.
    public var userID: String
    /// The room.
    public var roomID: String
    /// The tags as JSON text; nil if they must be read from the database.
    public var data: String?

    /// A row.
    public init(userID: String, roomID: String, data: String?) {
        self.userID = userID
        self.roomID = roomID
        self.data = data
    }
}

extension TagAccountDataStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            userID: try reader.string(), roomID: try reader.string(),
            data: try reader.hasNext() ? try reader.embeddedJSON() : nil)
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(userID)
        writer.string(roomID)
        writer.optionalString(data)
    }
}

/// A row of `account_data`: a user's account data of one type.
public struct AccountDataStreamRow: Sendable, Hashable {
    /// Whose data.
    public var userID: String
    /// The room that it belongs to, if any.
    public var roomID: String?
    /// Its type.
    public var type: String
    /// The data as JSON text; nil if it must be read from the database.
    public var data: String?

    /// A row.
    public init(userID: String, roomID: String?, type: String, data: String?) {
        self.userID = userID
        self.roomID = roomID
        self.type = type
        self.data = data
    }
}

extension AccountDataStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            userID: try reader.string(), roomID: try reader.optionalString(),
            type: try reader.string(),
            data: try reader.hasNext() ? try reader.embeddedJSON() : nil)
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(userID)
        writer.optionalString(roomID)
        writer.string(type)
        // Later releases have no data column.
        if dialect == .classic { writer.optionalString(data) }
    }
}

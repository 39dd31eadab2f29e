/// A row of `receipts`: a user read a room up to an event.
public struct ReceiptStreamRow: Sendable, Hashable {
    /// The room.
    public var roomID: String
    /// The kind of receipt, such as `m.read`.
    public var type: String
    /// Who read.
    public var userID: String
    /// The last event read.
    public var eventID: String
    /// The receipt's data as JSON text; nil if it must be read from the database.
    public var data: String?

    /// A row.
    public init(roomID: String, type: String, userID: String, eventID: String, data: String?) {
        self.roomID = roomID
        self.type = type
        self.userID = userID
        self.eventID = eventID
        self.data = data
    }
}

extension ReceiptStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            roomID: try reader.string(), type: try reader.string(), userID: try reader.string(),
            eventID: try reader.string(), data: try reader.embeddedJSON())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(roomID)
        writer.string(type)
        writer.string(userID)
        writer.string(eventID)
        switch dialect {
        case .classic: writer.optionalString(data)
        case .named: writer.embedded(data)
        }
    }
}

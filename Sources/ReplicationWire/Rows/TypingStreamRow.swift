/// A row of `typing`: who types in a room, all of them.
public struct TypingStreamRow: Sendable, Hashable {
    /// The room.
    public var roomID: String
    /// The users who type there now.
    public var userIDs: [String]

    /// A row.
    public init(roomID: String, userIDs: [String]) {
        self.roomID = roomID
        self.userIDs = userIDs
    }
}

extension TypingStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(roomID: try reader.string(), userIDs: try reader.strings())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(roomID)
        writer.strings(userIDs)
    }
}

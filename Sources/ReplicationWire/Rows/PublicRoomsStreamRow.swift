/// A row of `public_rooms`: a room was published or withdrawn.
public struct PublicRoomsStreamRow: Sendable, Hashable {
    /// The room.
    public var roomID: String
    /// Whether it is published now.
    public var isVisible: Bool
    /// The application service in whose list it stands.
    public var appServiceID: String?
    /// That list's network.
    public var networkID: String?

    /// A row.
    public init(
        roomID: String, isVisible: Bool, appServiceID: String? = nil, networkID: String? = nil
    ) {
        self.roomID = roomID
        self.isVisible = isVisible
        self.appServiceID = appServiceID
        self.networkID = networkID
    }
}

extension PublicRoomsStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            roomID: try reader.string(), isVisible: try reader.bool(),
            appServiceID: try reader.anyStringIfPresent(),
            networkID: try reader.anyStringIfPresent())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(roomID)
        writer.bool(isVisible)
        writer.optionalString(appServiceID)
        writer.optionalString(networkID)
    }
}

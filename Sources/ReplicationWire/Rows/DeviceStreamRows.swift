/// A row of `device_lists`: a user's devices changed.
public struct DeviceListsStreamRow: Sendable, Hashable {
    /// Whose devices.
    public var userID: String
    /// The server that must be told. Only the classic dialect says it.
    public var destination: String?

    /// A row.
    public init(userID: String, destination: String? = nil) {
        self.userID = userID
        self.destination = destination
    }
}

extension DeviceListsStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            userID: try reader.string(), destination: try reader.anyStringIfPresent())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(userID)
        if dialect == .classic { writer.optionalString(destination) }
    }
}

/// A row of `to_device`: messages wait for a user's devices or for another server.
public struct ToDeviceStreamRow: Sendable, Hashable {
    /// A user's id or a server's name.
    public var entity: String

    /// A row.
    public init(entity: String) {
        self.entity = entity
    }
}

extension ToDeviceStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(entity: try reader.string())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(entity)
    }
}

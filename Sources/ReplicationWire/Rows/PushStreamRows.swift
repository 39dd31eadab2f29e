/// A row of `push_rules`: a user's rules changed.
public struct PushRulesStreamRow: Sendable, Hashable {
    /// Whose rules.
    public var userID: String

    /// A row.
    public init(userID: String) {
        self.userID = userID
    }
}

extension PushRulesStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(userID: try reader.string())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(userID)
    }
}

/// A row of `pushers`: a pusher was added, changed or deleted.
public struct PushersStreamRow: Sendable, Hashable {
    /// Whose pusher.
    public var userID: String
    /// The pusher's application.
    public var appID: String
    /// The pusher's key.
    public var pushKey: String
    /// Whether it was deleted.
    public var isDeleted: Bool

    /// A row.
    public init(userID: String, appID: String, pushKey: String, isDeleted: Bool) {
        self.userID = userID
        self.appID = appID
        self.pushKey = pushKey
        self.isDeleted = isDeleted
    }
}

extension PushersStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            userID: try reader.string(), appID: try reader.string(),
            pushKey: try reader.string(), isDeleted: try reader.bool())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(userID)
        writer.string(appID)
        writer.string(pushKey)
        writer.bool(isDeleted)
    }
}

/// A row of `presence`: a user's presence changed.
public struct PresenceStreamRow: Sendable, Hashable {
    /// Who.
    public var userID: String
    /// `online`, `unavailable` or `offline`.
    public var state: String
    /// When the user was last active, in milliseconds since 1970.
    public var lastActiveMilliseconds: Int64
    /// When other servers were last told.
    public var lastFederationUpdateMilliseconds: Int64
    /// When the user last synced.
    public var lastUserSyncMilliseconds: Int64
    /// What the user says about it.
    public var statusMessage: String?
    /// Whether the user is active right now.
    public var isCurrentlyActive: Bool

    /// A row.
    public init(
        userID: String, state: String, lastActiveMilliseconds: Int64,
        lastFederationUpdateMilliseconds: Int64, lastUserSyncMilliseconds: Int64,
        statusMessage: String?, isCurrentlyActive: Bool
    ) {
        self.userID = userID
        self.state = state
        self.lastActiveMilliseconds = lastActiveMilliseconds
        self.lastFederationUpdateMilliseconds = lastFederationUpdateMilliseconds
        self.lastUserSyncMilliseconds = lastUserSyncMilliseconds
        self.statusMessage = statusMessage
        self.isCurrentlyActive = isCurrentlyActive
    }
}

extension PresenceStreamRow: StreamRow {
    init(reading reader: inout RowReader) throws(RowError) {
        self.init(
            userID: try reader.string(), state: try reader.string(),
            lastActiveMilliseconds: try reader.integer(),
            lastFederationUpdateMilliseconds: try reader.integer(),
            lastUserSyncMilliseconds: try reader.integer(),
            statusMessage: try reader.optionalString(), isCurrentlyActive: try reader.bool())
    }

    func write(to writer: inout RowWriter, dialect: Dialect) {
        writer.string(userID)
        writer.string(state)
        writer.integer(lastActiveMilliseconds)
        writer.integer(lastFederationUpdateMilliseconds)
        writer.integer(lastUserSyncMilliseconds)
        writer.optionalString(statusMessage)
        writer.bool(isCurrentlyActive)
    }
}

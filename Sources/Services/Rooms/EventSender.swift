import Storage

/// On whose behalf an event is sent.
public struct EventSender: Sendable, Hashable {
    /// The full user id.
    public var userID: String
    /// The device, if one sends.
    public var deviceID: String?
    /// The number of the device's token.
    public var tokenID: Int64?
    /// Whether the user has no account of its own.
    public var isGuest = false
    /// The client's id for the request, by which a repeated request is recognised.
    public var transactionID: String?

    /// A sender with these fields.
    public init(
        userID: String, deviceID: String? = nil, tokenID: Int64? = nil,
        transactionID: String? = nil
    ) {
        self.userID = userID
        self.deviceID = deviceID
        self.tokenID = tokenID
        self.transactionID = transactionID
    }

    /// The transaction as the tables know it; only devices have transactions.
    var transaction: NewEvent.Transaction? {
        guard let deviceID, let transactionID else { return nil }
        return NewEvent.Transaction(userID: userID, deviceID: deviceID, id: transactionID)
    }
}

/// What users do to the membership of others.
public enum MembershipAction: Sendable {
    /// Ask somebody in.
    case invite
    /// Throw a member out, or take an invitation back.
    case kick
    /// Exclude somebody.
    case ban
    /// Take a ban back.
    case unban
}

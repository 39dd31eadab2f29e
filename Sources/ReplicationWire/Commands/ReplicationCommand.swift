public import JSON

/// One line of the protocol.
public enum ReplicationCommand: Sendable, Hashable {
    /// The main's server name: the first line of every connection.
    case server(String)
    /// The secret that worker and main share: the first line of a worker that has one.
    case authenticate(ReplicationSecret)
    /// Anything, as a sign of life; here the time in milliseconds, and what ``MainStatus`` adds.
    case ping(String)
    /// The worker's name.
    case name(String)
    /// The worker wants a stream.
    case replicate(Subscription)
    /// The receiver has a stream's rows up to here.
    case position(Position)
    /// A row.
    case rowData(RowData)
    /// A user began or ended to sync at the worker.
    case userSync(UserSync)
    /// No user syncs any more at the instance with this name.
    case clearUserSync(instance: String)
    /// Where a user was seen.
    case userIP(UserIP)
    /// The rows of `federation` up to here are dealt with.
    case federationAck(FederationAck)
    /// A push gateway refused a pusher for good.
    case removePusher(RemovePusher)
    /// The worker wants a cache of the main's invalidated.
    case invalidateCache(InvalidateCache)
    /// A barrier for tests.
    case sync(String)
    /// A remote server was heard of again.
    case remoteServerUp(String)
    /// A lock was released.
    case lockReleased(JSON)
    /// Something is wrong; the sender closes.
    case error(String)

    /// Its first word.
    public var name: CommandName {
        switch self {
        case .server: .server
        case .authenticate: .authenticate
        case .ping: .ping
        case .name: .name
        case .replicate: .replicate
        case .position: .position
        case .rowData: .rowData
        case .userSync: .userSync
        case .clearUserSync: .clearUserSync
        case .userIP: .userIP
        case .federationAck: .federationAck
        case .removePusher: .removePusher
        case .invalidateCache: .invalidateCache
        case .sync: .sync
        case .remoteServerUp: .remoteServerUp
        case .lockReleased: .lockReleased
        case .error: .error
        }
    }
}

import Bytes

/// The first word of a line.
public enum CommandName: String, Sendable, Hashable, CaseIterable {
    case server = "SERVER"
    case authenticate = "AUTH"
    case ping = "PING"
    case name = "NAME"
    case replicate = "REPLICATE"
    case position = "POSITION"
    case rowData = "RDATA"
    case userSync = "USER_SYNC"
    case clearUserSync = "CLEAR_USER_SYNC"
    case userIP = "USER_IP"
    case federationAck = "FEDERATION_ACK"
    case removePusher = "REMOVE_PUSHER"
    case invalidateCache = "INVALIDATE_CACHE"
    case sync = "SYNC"
    case remoteServerUp = "REMOTE_SERVER_UP"
    case lockReleased = "LOCK_RELEASED"
    case error = "ERROR"

    init?(_ word: RawSpan) {
        if word.equals("RDATA") {
            self = .rowData
        } else if word.byteCount <= 16 {
            self.init(rawValue: word.string)
        } else {
            return nil
        }
    }

    /// Whether a main process may send it.
    public var isSentByMain: Bool {
        switch self {
        case .server, .ping, .position, .rowData, .sync, .error, .remoteServerUp, .lockReleased:
            true
        case .authenticate, .name, .replicate, .userSync, .clearUserSync, .userIP, .federationAck,
            .removePusher, .invalidateCache:
            false
        }
    }

    /// Whether a worker may send it.
    public var isSentByWorker: Bool {
        switch self {
        case .server, .position, .rowData, .sync: false
        case .authenticate, .ping, .error, .name, .replicate, .userSync, .clearUserSync, .userIP,
            .federationAck, .removePusher, .invalidateCache, .remoteServerUp, .lockReleased:
            true
        }
    }
}

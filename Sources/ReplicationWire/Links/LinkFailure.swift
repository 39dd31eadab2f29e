/// Why one side ends a connection.
public enum LinkFailure: Error, Sendable, Hashable {
    /// The peer sent a line that is no command.
    case badLine(CommandError)
    /// The peer sent what is no text in lines.
    case notLines(LineSplitter.Violation)
    /// The peer sent a command that only our side may send.
    case wrongDirection(CommandName)
    /// A worker's first line was not the shared secret, and the main insists on it.
    case secretMissing
    /// A worker has another secret than the main.
    case secretWrong
    /// A worker asked for a stream that is not offered.
    case unknownStream(StreamName)
    /// A worker has more users syncing than anyone can have.
    case tooManyUsers
    /// The main is that of another server.
    case wrongRemote(String)
    /// The main sent data before it said who it is.
    case unnamedRemote
    /// The main sent more rows of one token than anyone can have.
    case batchTooLong(StreamName)
    /// The peer pinged once and is silent now.
    case pingTimeout
    /// The peer reads more slowly than rows come.
    case failedToKeepUp
    /// The rows of a stream could not be read.
    case streamFailed(StreamName)
    /// Our process ends.
    case shuttingDown
    /// The listener has as many connections as it may.
    case tooManyConnections

    /// A short name without anything of the peer's in it, for metrics.
    public var name: String {
        switch self {
        case .badLine: "bad_line"
        case .notLines(.lineTooLong): "line_too_long"
        case .notLines(.notUTF8): "not_utf8"
        case .wrongDirection: "wrong_direction"
        case .secretMissing: "secret_missing"
        case .secretWrong: "secret_wrong"
        case .unknownStream: "unknown_stream"
        case .tooManyUsers: "too_many_users"
        case .wrongRemote: "wrong_remote"
        case .unnamedRemote: "unnamed_remote"
        case .batchTooLong: "batch_too_long"
        case .pingTimeout: "ping_timeout"
        case .failedToKeepUp: "failed_to_keep_up"
        case .streamFailed: "stream_failed"
        case .shuttingDown: "shutting_down"
        case .tooManyConnections: "too_many_connections"
        }
    }

    /// What `ERROR` says to the peer.
    public var text: String {
        switch self {
        case .badLine(let error): error.text
        case .notLines(.lineTooLong): "line too long"
        case .notLines(.notUTF8): "failed to parse line: not UTF-8"
        case .wrongDirection(let name): "invalid command: \(name.rawValue)"
        case .secretMissing:
            "authentication failed: the first line must be AUTH and the worker_replication_secret"
        case .secretWrong:
            "authentication failed: the worker_replication_secret is not the main process's"
        case .unknownStream(let stream):
            "failed to handle replicate: unknown stream \(Self.shown(stream.name))"
        case .tooManyUsers: "too many users syncing"
        case .wrongRemote: "Wrong remote"
        case .unnamedRemote: "expected SERVER first"
        case .batchTooLong(let stream): "batch too long in stream \(Self.shown(stream.name))"
        case .pingTimeout: "ping timeout"
        case .failedToKeepUp: "Failed to keep up"
        case .streamFailed(let stream):
            "failed to handle replicate: cannot read stream \(stream.name) now"
        case .shuttingDown: "server shutting down"
        case .tooManyConnections: "too many connections"
        }
    }

    private static func shown(_ name: String) -> String {
        ReplicationCommand.presentable(Array(name.utf8.prefix(64)).span.bytes)
    }
}

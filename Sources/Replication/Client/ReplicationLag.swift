/// How far behind the main a stream is, as far as a worker can know.
public struct ReplicationLag: Sendable, Hashable {
    /// What the worker is doing.
    public enum State: Sendable, Hashable {
        /// There is no connection.
        case disconnected
        /// Missed rows are coming in.
        case catchingUp
        /// Rows come as they are published.
        case live
    }

    /// What the worker is doing.
    public var state: State
    /// The last token whose rows the worker has; nil if it is not known yet.
    public var position: Int64?
    /// Rows that were received but whose token is not complete.
    public var pendingRows: Int
    /// How many tokens the worker is behind what the main has spoken of: rows, where tokens are handed
    /// out without gaps. Nil while it is not known, as with mains of another make.
    public var tokensBehind: Int64? = nil
    /// How long ago the worker was surely in step. Zero while it is live and the main is heard
    /// from as often as it should be.
    public var behind: Duration

    /// In step with the main.
    public static let none = ReplicationLag(
        state: .live, position: nil, pendingRows: 0, behind: .zero)
}

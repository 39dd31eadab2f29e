/// A pool's state and counters, for metrics.
public struct PostgresStatistics: Sendable, Hashable {
    /// Connections that are ready.
    public internal(set) var connections = 0
    /// Connections in the making.
    public internal(set) var connecting = 0
    /// Connections that belong to a transaction.
    public internal(set) var pinned = 0
    /// Requests that the server has.
    public internal(set) var underWay = 0
    /// Requests that wait for a connection.
    public internal(set) var waiting = 0
    /// Requests answered so far, with an error or without.
    public internal(set) var requestCount: UInt64 = 0
    /// Requests that failed so far.
    public internal(set) var errorCount: UInt64 = 0
    /// Connections made so far.
    public internal(set) var connectCount: UInt64 = 0
    /// Attempts to connect that failed so far.
    public internal(set) var connectFailureCount: UInt64 = 0
    /// Connections that were lost so far.
    public internal(set) var lossCount: UInt64 = 0
    /// Transactions that were repeated after a serialization failure or a deadlock.
    public internal(set) var transactionRetryCount: UInt64 = 0
}

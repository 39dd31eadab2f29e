public import Reactor
public import ReplicationWire

/// Where the main finds the rows of one stream that a worker has missed: a table, or memory.
///
/// Lives on the server's loop. The rows up to ``currentToken`` must all be readable: a token counts
/// only once every lower one has been committed.
public protocol ReplicationSource: AnyObject {
    /// The stream whose rows it has.
    var stream: StreamName { get }

    /// The newest token whose rows, and all before, can be read. Asked often, so it must be cheap.
    var currentToken: Int64 { get }

    /// Reads rows in the order of their tokens.
    ///
    /// - Parameters:
    ///   - from: The token after which to begin.
    ///   - upTo: The last token that is wanted.
    ///   - limit: How many rows at most. Fewer rows mean that nothing more lies up to `upTo`; so
    ///     an `ORDER BY token LIMIT limit` is all it takes, even if it cuts through rows that share
    ///     a token.
    ///   - loop: The server's loop.
    /// - Returns: The rows after `from`, up to `upTo`.
    /// - Throws: Whatever the store throws; the worker is sent away then, and comes again.
    func rows(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate]
}

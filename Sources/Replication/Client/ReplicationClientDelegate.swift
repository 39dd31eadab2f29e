public import Reactor
public import ReplicationWire

/// What a worker is told. Every call comes on the client's loop; when it returns, the position
/// counts as processed.
public protocol ReplicationClientDelegate: AnyObject {
    /// All rows of one token, in their order. `position` is the stream's with them, and never lower
    /// than before, except in a stream that was just reset.
    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop)

    /// The worker has every row up to here, though the last one was not among them.
    func positionChanged(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop)

    /// The main has started an in-memory stream again: what it said before is void. Its rows
    /// follow.
    func streamReset(_ stream: StreamName, on loop: isolated EventLoop)

    /// The main refused to send what was missed, or could not. What lies up to `position` must be
    /// read from the database; later rows follow as always. Worth a loud line in the log.
    func streamSkipped(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop)

    /// The main has named itself. The streams have been asked for.
    func connected(on loop: isolated EventLoop)

    /// The connection is gone, with a reason of a few words. The next attempt is on its way.
    func disconnected(reason: String, on loop: isolated EventLoop)

    /// An attempt to connect, or to read the first positions, failed.
    func connectionFailed(_ error: any Error, on loop: isolated EventLoop)

    /// `SYNC` (a barrier of tests), `REMOTE_SERVER_UP` or `LOCK_RELEASED`.
    func received(_ command: ReplicationCommand, on loop: isolated EventLoop)

    /// The main says that something is wrong.
    func errorReported(_ text: String, on loop: isolated EventLoop)
}

extension ReplicationClientDelegate {
    /// Does nothing.
    public func positionChanged(
        _ stream: StreamName, to position: Int64, on loop: isolated EventLoop
    ) {}
    /// Does nothing.
    public func streamReset(_ stream: StreamName, on loop: isolated EventLoop) {}
    /// Does nothing.
    public func connected(on loop: isolated EventLoop) {}
    /// Does nothing.
    public func disconnected(reason: String, on loop: isolated EventLoop) {}
    /// Does nothing.
    public func connectionFailed(_ error: any Error, on loop: isolated EventLoop) {}
    /// Does nothing.
    public func received(_ command: ReplicationCommand, on loop: isolated EventLoop) {}
    /// Does nothing.
    public func errorReported(_ text: String, on loop: isolated EventLoop) {}
}

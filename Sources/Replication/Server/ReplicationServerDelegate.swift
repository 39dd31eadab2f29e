public import Reactor
public import ReplicationWire

/// What the main's side is told about its workers. Every call comes on the server's loop.
public protocol ReplicationServerDelegate: AnyObject {
    /// A worker has connected. It has no name yet.
    func connected(_ peer: ReplicationPeer, on loop: isolated EventLoop)

    /// A user began or ended to sync at a worker. A beginning may be told again.
    func userSync(_ sync: UserSync, at peer: ReplicationPeer, on loop: isolated EventLoop)

    /// A worker's connection ended, and with it the syncs of these users there.
    func usersGone(_ users: [String], at peer: ReplicationPeer, on loop: isolated EventLoop)

    /// A worker asks for something: `USER_IP`, `FEDERATION_ACK`, `REMOVE_PUSHER`,
    /// `INVALIDATE_CACHE`.
    func received(
        _ command: ReplicationCommand, from peer: ReplicationPeer, on loop: isolated EventLoop)

    /// A worker says that something is wrong.
    func errorReported(
        _ text: String, by peer: ReplicationPeer, on loop: isolated EventLoop)

    /// The rows of a stream could not be read; the worker is sent away and will come again.
    func sourceFailed(
        _ stream: StreamName, _ error: any Error, on loop: isolated EventLoop)

    /// A connection has ended, with a reason of a few words.
    func disconnected(_ peer: ReplicationPeer, reason: String, on loop: isolated EventLoop)
}

extension ReplicationServerDelegate {
    /// Does nothing.
    public func connected(_ peer: ReplicationPeer, on loop: isolated EventLoop) {}
    /// Does nothing.
    public func userSync(
        _ sync: UserSync, at peer: ReplicationPeer, on loop: isolated EventLoop
    ) {}
    /// Does nothing.
    public func usersGone(
        _ users: [String], at peer: ReplicationPeer, on loop: isolated EventLoop
    ) {}
    /// Does nothing.
    public func received(
        _ command: ReplicationCommand, from peer: ReplicationPeer, on loop: isolated EventLoop
    ) {}
    /// Does nothing.
    public func errorReported(
        _ text: String, by peer: ReplicationPeer, on loop: isolated EventLoop
    ) {}
    /// Does nothing.
    public func sourceFailed(
        _ stream: StreamName, _ error: any Error, on loop: isolated EventLoop
    ) {}
    /// Does nothing.
    public func disconnected(
        _ peer: ReplicationPeer, reason: String, on loop: isolated EventLoop
    ) {}
}

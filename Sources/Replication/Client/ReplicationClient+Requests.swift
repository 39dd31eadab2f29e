public import Reactor
public import ReplicationWire

extension ReplicationClient {
    // MARK: What the worker knows

    /// The last token of a stream whose rows the delegate has; nil if it is not known yet.
    public func position(of stream: StreamName) -> Int64? { link.position(of: stream) }

    /// How far behind a stream is.
    public func lag(of stream: StreamName, on loop: isolated EventLoop) -> ReplicationLag {
        let now = clock?.now(on: loop).monotonic ?? .zero
        let lastReceived = link.lastReceived ?? now
        let state: ReplicationLag.State =
            if !link.isConnected { .disconnected } else if link.isLive(stream) { .live } else {
                .catchingUp
            }
        var behind = now - inStepAt
        if state == .live {
            let silence = now - lastReceived
            behind = silence > options.timing.pingInterval * 2 ? silence : .zero
        }
        return ReplicationLag(
            state: state, position: link.position(of: stream),
            pendingRows: link.pendingRows(of: stream),
            tokensBehind: link.tokensBehind(in: stream), behind: behind)
    }

    /// Parks until the delegate has had every row of a stream up to `token`; false if that did not
    /// happen within `timeout`. For requests that carry a token from another process.
    public func waitForPosition(
        _ stream: StreamName, _ token: Int64, timeout: Duration, on loop: isolated EventLoop
    ) async -> Bool {
        if let position = link.position(of: stream), position >= token { return true }
        guard isRunning, timeout > .zero, waiters.count < options.waitersMax else { return false }
        return await withUnsafeContinuation(isolation: loop) { continuation in
            let id = waiters.makeID()
            let timer = loop.schedule(after: timeout) {
                self.waiters.end(id, stream, with: false, on: loop)
            }
            waiters.insert(id, stream, token, continuation, timer)
        }
    }

    // MARK: What the worker says

    /// A user began or ended to sync at this worker. The main learns it now or, if there is no
    /// connection, as soon as there is one.
    public func userSync(
        _ user: String, isSyncing: Bool, lastSyncMilliseconds: Int64, on loop: isolated EventLoop
    ) {
        guard let clock else { return }
        link.userSync(
            user, isSyncing: isSyncing, lastSyncMilliseconds: lastSyncMilliseconds,
            at: clock.now(on: loop), into: &actions)
        act(on: loop)
    }

    /// Sends a worker's command such as `USER_IP`; false if there is no connection.
    @discardableResult
    public func send(_ command: ReplicationCommand, on loop: isolated EventLoop) -> Bool {
        guard let clock, command.name.isSentByWorker else { return false }
        let isSent = link.send(command, at: clock.now(on: loop), into: &actions)
        act(on: loop)
        return isSent
    }
}

public import Reactor
public import ReplicationWire

/// The main's side of replication: workers connect, catch up what they missed, and then get every
/// row as it is published.
///
/// Lives on one loop. Register the sources, ``listen(on:on:)``, and ``publish(_:_:on:)`` each row
/// once, in the order of a stream's tokens, when it and all before it have been committed.
public final class ReplicationServer {
    /// The name and limits.
    public let options: Options
    /// Who is told about the workers.
    public weak var delegate: (any ReplicationServerDelegate)?
    /// What happened since the start.
    public internal(set) var statistics = Statistics()

    var feeds: [StreamName: StreamFeed] = [:]
    var connections: [Int: ServerConnection] = [:]
    private(set) var isShuttingDown = false
    private var listeners: [Listener] = []
    private var nextConnection = 1

    /// A server that listens nowhere yet.
    public init(options: Options, delegate: (any ReplicationServerDelegate)? = nil) {
        self.options = options
        self.delegate = delegate
        // A worker of another make asks for streams that we have nothing to say on. It is told that
        // it misses nothing; only `federation` must not exist while the main sends by itself.
        for stream in StreamName.known where stream != .federation {
            feeds[stream] = StreamFeed(stream: stream, source: nil)
        }
    }

    /// Offers a stream.
    public func register(_ source: any ReplicationSource) {
        let feed = StreamFeed(stream: source.stream, source: source)
        for subscriber in feeds[source.stream]?.subscribers ?? [] { feed.add(subscriber) }
        feeds[source.stream] = feed
    }

    /// The streams that have a source.
    public var streams: [StreamName] {
        feeds.values.filter { $0.source != nil }.map(\.stream).sorted { $0.name < $1.name }
    }

    /// What workers are told in each `PING`.
    var status: MainStatus {
        var status = MainStatus(run: options.run)
        for feed in feeds.values where feed.source != nil {
            status.heads[feed.stream] = feed.head
        }
        return status
    }

    /// The workers that are connected.
    public var peers: [ReplicationPeer] {
        connections.values.map(\.peer).sorted { $0.id < $1.id }
    }

    /// How many connections follow each stream.
    public var connectionsPerStream: [StreamName: Int] {
        var counts: [StreamName: Int] = [:]
        for connection in connections.values {
            for stream in connection.subscriptions.keys { counts[stream, default: 0] += 1 }
        }
        return counts
    }

    /// How many tokens each connection's streams are behind what was published: rows that are still
    /// to be read for it. What waits for its socket is in ``pendingCommands``.
    public var lags: [(peer: ReplicationPeer, stream: StreamName, tokens: Int64)] {
        connections.values.flatMap { connection in
            connection.subscriptions.map { stream, subscriber in
                let position = subscriber.place.position
                let head = feeds[stream]?.head ?? position
                return (connection.peer, stream, max(0, head - max(0, position)))
            }
        }
    }

    /// Commands that wait for connections whose sockets are full, by connection.
    public var pendingCommands: [(peer: ReplicationPeer, count: Int)] {
        connections.values.map { ($0.peer, $0.output.count) }.sorted { $0.0.id < $1.0.id }
    }

    // MARK: Listening

    /// Accepts workers at an address; several may be listened on. Returns the real address.
    ///
    /// Without a secret whoever can connect sees everything, and without TLS so does whoever sees
    /// the traffic. `security` encrypts the connections, as TLS does; `unixMode` sets the permissions
    /// of a Unix socket's file, which the umask gives otherwise.
    @discardableResult
    public func listen(
        on address: SocketAddress, security: (any ChannelSecurity)? = nil,
        unixMode: UInt32? = nil, on loop: isolated EventLoop
    ) throws(SystemError) -> SocketAddress {
        let clock = LinkClock(on: loop)
        var settings = ListenerOptions(unixMode: unixMode, security: security)
        settings.channel = ChannelOptions(
            highWaterMark: options.highWaterMark, lowWaterMark: options.highWaterMark / 4,
            lingerTimeout: options.closeTimeout)
        let listener = try loop.listen(on: address, options: settings) { channel in
            self.accept(channel, clock, on: loop)
        }
        listeners.append(listener)
        return listener.localAddress
    }

    private func accept(
        _ channel: Channel, _ clock: LinkClock, on loop: isolated EventLoop
    ) -> ServerConnection {
        let peer = ReplicationPeer(
            id: nextConnection, name: nil, address: channel.remoteAddress)
        nextConnection += 1
        statistics.connectionsAccepted += 1
        let connection = ServerConnection(channel, peer: peer, server: self, clock, on: loop)
        connections[peer.id] = connection
        delegate?.connected(peer, on: loop)
        if isShuttingDown {
            connection.close(.shuttingDown, on: loop)
        } else if connections.count > options.connectionsMax {
            connection.close(.tooManyConnections, on: loop)
        } else {
            connection.opened(on: loop)
        }
        return connection
    }

    func ended(
        _ connection: ServerConnection, reason: String, kind: String, on loop: isolated EventLoop
    ) {
        guard connections.removeValue(forKey: connection.peer.id) != nil else { return }
        statistics.closeReasons[kind, default: 0] += 1
        delegate?.disconnected(connection.peer, reason: reason, on: loop)
    }

    // MARK: Publishing

    /// Sends rows to every worker that follows the stream.
    ///
    /// Each row is encoded once, whatever the number of workers. All rows of one token go into one
    /// call; a row whose token is not higher than those of an earlier call is sent to nobody and
    /// counted in the statistics, since the workers' positions have passed it.
    public func publish(
        _ stream: StreamName, _ updates: [ReplicationUpdate], on loop: isolated EventLoop
    ) {
        let feed = feeds[stream] ?? StreamFeed(stream: stream, source: nil)
        feeds[stream] = feed
        let accepted = feed.accept(updates)
        statistics.rowsRefused += UInt64(updates.count - accepted.count)
        statistics.rowsPublished[stream, default: 0] += UInt64(accepted.count)
        guard !feed.subscribers.isEmpty, !accepted.isEmpty else { return }
        for block in PublishedBlock.encode(
            accepted, stream: stream, dialect: options.dialect, instance: options.instance)
        {
            var sent = 0
            // Who does not keep up leaves the list meanwhile.
            let subscribers = feed.subscribers
            for subscriber in subscribers
            where subscriber.connection.publish(block, to: subscriber, on: loop) {
                sent += block.rowCount
            }
            statistics.outbound[.rowData] += UInt64(sent)
        }
    }

    /// Tells workers that a stream has come to `token` without a row: the transaction that was to
    /// write it failed, or the token went to another stream of the same sequence. Otherwise a worker
    /// could wait in vain for a position that clients have heard of.
    public func advance(
        _ stream: StreamName, to token: Int64, on loop: isolated EventLoop
    ) {
        guard let feed = feeds[stream], token > feed.lastPublished ?? .min else { return }
        feed.advance(to: token)
        for connection in Array(connections.values) { connection.advance(feed, on: loop) }
    }

    /// Sends a command to every worker: `SYNC` as a barrier for tests, `REMOTE_SERVER_UP`.
    public func broadcast(_ command: ReplicationCommand, on loop: isolated EventLoop) {
        for connection in Array(connections.values) where connection.isAuthenticated {
            connection.send(command, on: loop)
        }
    }

    // MARK: Shutting down

    /// Closes everything at once and tells nobody, as a crash does.
    public func abort(on loop: isolated EventLoop) {
        isShuttingDown = true
        for listener in exchange(&listeners, with: []) { listener.close(on: loop) }
        for connection in Array(connections.values) { connection.abort(on: loop) }
    }

    /// Stops listening and tells every worker; returns when all are gone, or after `limit`.
    public func shutDown(within limit: Duration = .seconds(2), on loop: isolated EventLoop) async {
        isShuttingDown = true
        for listener in listeners { listener.close(on: loop) }
        listeners = []
        let open = Array(connections.values)
        for connection in open { connection.close(.shuttingDown, on: loop) }
        let timer = loop.schedule(after: limit) {
            for connection in open { connection.abort(on: loop) }
        }
        for connection in open { await connection.untilClosed(on: loop) }
        loop.cancel(timer)
    }
}

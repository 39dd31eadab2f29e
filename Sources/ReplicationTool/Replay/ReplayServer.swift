internal import Bytes
internal import Glibc
internal import Reactor
internal import ReplicationWire

/// The listener of a replay, and its workers. Lives on the command's loop.
final class ReplayServer {
    /// Output above which a worker counts as slow, and the replay waits for it.
    private static let highWaterMark = 1 << 20
    private static let lineBytesMax = 1 << 16
    /// How long after its last `REPLICATE` a worker has surely asked for all it wants.
    static let settlingTime = Duration.milliseconds(100)
    private static let connectionsMax = 10_000

    let serverName: String
    let dialect: Dialect
    /// What workers must say first; nil: nothing.
    let secret: ReplicationSecret?
    /// Where each stream is now; those that the capture does not have are where a worker says.
    private(set) var positions: [StreamName: Int64]
    private(set) var deliveredRows = 0
    private(set) var connections: [ReplayConnection] = []
    private let started: Instant
    private var waiters: [(isMet: () -> Bool, continuation: UnsafeContinuation<Void, Never>)] = []

    init(
        serverName: String, dialect: Dialect, positions: [StreamName: Int64],
        secret: ReplicationSecret? = nil, on loop: isolated EventLoop
    ) {
        self.serverName = serverName
        self.dialect = dialect
        self.secret = secret
        self.positions = positions
        started = loop.now
    }

    /// Listens at the first address of a host that can be listened at.
    func listen(
        at endpoint: Endpoint, security: (any ChannelSecurity)? = nil, on loop: isolated EventLoop
    ) async throws -> SocketAddress {
        var options = ListenerOptions(security: security)
        options.channel = ChannelOptions(
            highWaterMark: Self.highWaterMark, lowWaterMark: Self.highWaterMark / 4,
            lingerTimeout: .seconds(5))
        var failure: SystemError?
        for address in try await loop.resolve(host: endpoint.host, port: endpoint.port) {
            do throws(SystemError) {
                let listener = try loop.listen(on: address, options: options) { channel in
                    let connection = ReplayConnection(channel, server: self, on: loop)
                    self.connections.append(connection)
                    connection.opened(
                        isWelcome: self.connections.count <= Self.connectionsMax, on: loop)
                    return connection
                }
                return listener.localAddress
            } catch {
                failure = error
            }
        }
        throw failure ?? SystemError("listen", code: EADDRNOTAVAIL)
    }

    func makeSplitter() -> LineSplitter { LineSplitter(lineBytesMax: Self.lineBytesMax) }

    /// What a worker may ask for.
    var streams: Set<StreamName> { Set(positions.keys).union(StreamName.known) }

    func time(on loop: isolated EventLoop) -> LinkTime {
        LinkTime(
            monotonic: loop.now - started, unixMilliseconds: WallTime.now.milliseconds)
    }

    // MARK: Waiting

    /// Something about the workers has changed.
    func changed() {
        let met = waiters.filter { $0.isMet() }
        waiters.removeAll { $0.isMet() }
        for waiter in met { waiter.continuation.resume() }
    }

    /// Parks until a condition that ``changed()`` can bring about is met.
    func wait(on loop: isolated EventLoop, until isMet: @escaping () -> Bool) async {
        if isMet() { return }
        await withUnsafeContinuation(isolation: loop) { waiters.append((isMet, $0)) }
    }

    /// The workers that have subscribed.
    var subscriberCount: Int { connections.count { $0.isSettled } }

    // MARK: Sending

    /// Sends a block to everybody, as far as it concerns them.
    func send(_ block: ReplayBlock, on loop: isolated EventLoop) {
        positions.merge(block.positions) { max($0, $1) }
        var pieces = ReplayBlock.Pieces(block)
        for connection in connections where !connection.streams.isEmpty {
            let piece = pieces.piece(for: connection.streams)
            guard piece.bytes.count > 0 else { continue }
            connection.send(piece.bytes, on: loop)
            deliveredRows += piece.rows
        }
    }

    var areAllWritable: Bool { connections.allSatisfy { $0.channel.isWritable } }
    var areAllDrained: Bool { connections.allSatisfy { $0.channel.pendingBytes == 0 } }

    /// Tells every worker that the main ends, and waits until they have read it.
    func shutDown(on loop: isolated EventLoop) async {
        for connection in connections { connection.close(.shuttingDown, on: loop) }
        await wait(on: loop) { self.connections.isEmpty }
    }

    func ended(_ connection: ReplayConnection) {
        connections.removeAll { $0 === connection }
        changed()
    }
}

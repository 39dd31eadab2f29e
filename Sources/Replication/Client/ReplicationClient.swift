import Glibc
public import Reactor
public import ReplicationWire

/// A worker's side of replication: follows streams of a main process, over as many connections as
/// it takes, without losing or doubling a row.
///
/// Lives on one loop, and connects until ``stop(on:)``.
public final class ReplicationClient {
    /// Where the main is, and what the worker is called.
    public let options: Options
    /// Who is given the rows.
    public weak var delegate: (any ReplicationClientDelegate)?
    /// What happened since the start.
    public internal(set) var statistics = Statistics()
    /// Shown each line as it comes or goes, without its end and before anything is made of it: for
    /// tools that print or record a session.
    public var lineTap: ((_ line: RawSpan, _ isFromMain: Bool) -> Void)?

    var link: WorkerLink
    private let streams: [StreamName]
    private let firstPositions: () async throws -> [StreamName: Int64]
    var clock: LinkClock?
    var connection: ClientConnection?
    var actions: [WorkerLink.Action] = []
    /// Taken in turn with `actions`, so that a line costs no allocation of its own.
    var spare: [WorkerLink.Action] = []
    var timer: Timer?
    var isRunning = false
    private(set) var isConnecting = false
    private var hasPositions = false
    var waiters = PositionWaiters()
    /// When the worker lost step, or heard last that it was in it; by the link's clock.
    var inStepAt: Duration = .zero

    /// A client that is not connected yet.
    ///
    /// - Parameters:
    ///   - options: Where the main is, and what the worker is called.
    ///   - streams: What to follow.
    ///   - delegate: Who is given the rows.
    ///   - firstPositions: Reads from the database where each stream begins, before the first
    ///     connection. A stream without a position begins NOW, typing at 0. Tried again if it
    ///     throws.
    public init(
        options: Options, streams: [StreamName], delegate: (any ReplicationClientDelegate)? = nil,
        firstPositions: @escaping () async throws -> [StreamName: Int64]
    ) {
        self.options = options
        self.streams = streams
        self.delegate = delegate
        self.firstPositions = firstPositions
        link = WorkerLink(
            name: options.name, serverName: options.serverName, dialect: options.dialect,
            timing: options.timing, secret: options.secret)
    }

    // MARK: Running

    /// Begins to connect.
    public func start(on loop: isolated EventLoop) {
        guard !isRunning else { return }
        isRunning = true
        if clock == nil { clock = LinkClock(on: loop) }
        loop.spawn { await self.connect(on: loop) }
    }

    /// Closes the connection and makes no other. Whoever waits for a position waits in vain.
    public func stop(on loop: isolated EventLoop) {
        guard isRunning else { return }
        isRunning = false
        waiters.endAll(on: loop)
        if let timer = timer.take() { loop.cancel(timer) }
        guard let connection else { return }
        ended(connection, reason: "stopped", kind: "stopped", on: loop)
        connection.channel.close(on: loop)
    }

    /// Closes the connection without a word and makes no other, as a crash does.
    public func abort(on loop: isolated EventLoop) {
        connection?.channel.abort(on: loop)
        stop(on: loop)
    }

    /// Whether the main has been reached and has named itself.
    public var isConnected: Bool { link.isConnected }

    func connect(on loop: isolated EventLoop) async {
        guard !isConnecting, connection == nil else { return }
        isConnecting = true
        do {
            if !hasPositions {
                let positions = try await firstPositions()
                // All of typing is small, and nothing of it is in the database.
                for stream in streams {
                    link.follow(stream, from: positions[stream] ?? (stream == .typing ? 0 : nil))
                }
                hasPositions = true
                for (stream, position) in positions { waiters.reached(stream, position, on: loop) }
            }
            if isRunning { try await connectToMain(on: loop) }
            isConnecting = false
        } catch {
            isConnecting = false
            guard isRunning else { return }
            delegate?.connectionFailed(error, on: loop)
            link.disconnected(into: &actions)
            act(on: loop)
        }
    }

    private func connectToMain(on loop: isolated EventLoop) async throws {
        var made: ClientConnection?
        let makeHandler = { (channel: Channel) in
            let connection = ClientConnection(channel, client: self)
            made = connection
            return connection
        }
        let host = options.host
        let channel: Channel
        if host.hasPrefix("/") {
            channel = try await loop.connect(
                to: .unix(path: host), timeout: options.connectTimeout, security: options.security,
                handler: makeHandler)
        } else {
            channel = try await loop.connect(
                toHost: host, port: options.port, timeout: options.connectTimeout,
                security: options.security, handler: makeHandler)
        }
        guard isRunning, let made else { return channel.abort(on: loop) }
        // A reset may come before we hear that the connection was made.
        guard !made.hasEnded else { throw SystemError("connect", code: ECONNRESET) }
        opened(made, on: loop)
    }
}

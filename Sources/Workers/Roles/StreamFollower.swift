internal import Logging
internal import Postgres
internal import Reactor
internal import Replication
internal import ReplicationWire
internal import Services

/// Hands what replication brings to the services of a worker, and writes into its log how it goes.
final class StreamFollower: ReplicationClientDelegate {
    private let log: Logger
    /// What an engine must know before it can serve.
    private static let engineStreams: [StreamName] = [
        .events, .typing, .receipts, .accountData, .tagAccountData, .presence, .toDevice,
        .deviceLists, .pushRules,
    ]
    private var engine: SyncEngine?
    private var positions: [StreamName: Int64] = [:]
    /// Who types is known from rows alone, so those that come before there is an engine are kept for it.
    private var earlyTyping: [StreamBatch] = []
    private var tokens: TokenCache?
    private var waiter: UnsafeContinuation<Void, Never>?
    private var isStopping = false

    init(log: Logger) { self.log = log }

    /// Parks until the main process has told where its streams stand, makes an engine that starts there, and
    /// feeds it from then on.
    ///
    /// The database alone cannot tell: it may hold a row whose predecessor is not committed yet.
    ///
    /// `nil` if the process is to end before that.
    func startEngine(
        _ pool: PostgresPool, _ tokens: TokenCache, _ options: SyncOptions,
        on loop: isolated EventLoop
    ) async -> SyncEngine? {
        self.tokens = tokens
        if !knowsPositions, !isStopping {
            await withUnsafeContinuation(isolation: loop) { waiter = $0 }
        }
        guard !isStopping else { return nil }
        var token = StreamToken(room: positions[.events] ?? 0)
        token.receipt = positions[.receipts] ?? 0
        token.accountData = max(positions[.accountData] ?? 0, positions[.tagAccountData] ?? 0)
        token.presence = positions[.presence] ?? 0
        token.toDevice = positions[.toDevice] ?? 0
        token.deviceList = positions[.deviceLists] ?? 0
        token.pushRules = positions[.pushRules] ?? 0
        let engine = SyncEngine(pool: pool, position: token, options: options)
        self.engine = engine
        for batch in earlyTyping { engine.streamAdvanced(batch, on: loop) }
        earlyTyping = []
        return engine
    }

    private var knowsPositions: Bool {
        Self.engineStreams.allSatisfy { positions[$0] != nil }
    }

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        if stream == .caches { forget(rows, on: loop) }
        advance(StreamBatch(stream: stream, token: position, rows: rows), on: loop)
    }

    /// Drops what the main process says is out of date from the caches of this process.
    private func forget(_ rows: [ReplicationRow], on loop: isolated EventLoop) {
        for case .cache(let row) in rows where row.cache == TokenCache.name {
            tokens?.invalidate(row.keys, on: loop)
        }
    }

    func positionChanged(
        _ stream: StreamName, to position: Int64, on loop: isolated EventLoop
    ) {
        advance(StreamBatch(stream: stream, token: position, rows: []), on: loop)
    }

    private func advance(_ batch: StreamBatch, on loop: isolated EventLoop) {
        positions[batch.stream] = batch.token
        if let engine {
            engine.streamAdvanced(batch, on: loop)
            return
        }
        if batch.stream == .typing, tokens != nil { earlyTyping.append(batch) }
        if knowsPositions {
            waiter.take()?.resume()
        }
    }

    /// Gives up waiting for the main process, as the process ends.
    func stop() {
        isStopping = true
        waiter.take()?.resume()
    }

    func streamReset(_ stream: StreamName, on loop: isolated EventLoop) {
        log.info("The main process has started the stream \(stream) again")
        advance(StreamBatch(stream: stream, token: 0, rows: []), on: loop)
    }

    func streamSkipped(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        log.error("Fell too far behind in \(stream): the rows up to \(position) were not sent")
        // Whichever they were, a token read again from the database is right.
        if stream == .caches { tokens?.invalidate(nil, on: loop) }
        advance(
            StreamBatch(stream: stream, token: position, rows: [], skipsRows: true), on: loop)
    }

    func connected(on loop: isolated EventLoop) { log.info("Connected to the main process") }

    func disconnected(reason: String, on loop: isolated EventLoop) {
        log.warning("The connection to the main process is gone: \(reason)")
    }

    func connectionFailed(_ error: any Error, on loop: isolated EventLoop) {
        log.warning("Cannot reach the main process: \(error)")
    }

    func errorReported(_ text: String, on loop: isolated EventLoop) {
        log.error("The main process reports: \(text)")
    }
}

public import Reactor

/// Connections to one database that the tasks of one loop share.
///
/// Requests of different tasks travel on one connection behind each other without waiting for each
/// other's answers; each is a transaction of its own, so an error fails only its own request. A
/// transaction has its connection to itself. When a connection is lost, requests of nothing but
/// SELECTs are sent once more on another one; whether others happened is not known, and they fail.
///
/// Close the pool before its loop stops: a pool that was started lives until then, and tasks that wait
/// for it are resumed by nothing else.
public final class PostgresPool {
    enum State {
        case new, starting, running, closing, closed
    }

    let configuration: PostgresConfiguration
    var state = State.new
    /// Connecting and ready ones.
    var connections: [Connection] = []
    var waiting = FIFO<Request>()
    var waitingCount = 0
    var backoff = Backoff()
    var retryTimer: Timer?
    var graceTimer: Timer?
    var starter: Request?
    var closers: [Request] = []
    var counts = PostgresStatistics()

    /// Called on the loop with the server's remarks. Nothing prints them otherwise.
    public var noticed: ((PostgresNotice) -> Void)?

    /// A pool that connects when it is started.
    public init(_ configuration: PostgresConfiguration, on loop: isolated EventLoop) {
        self.configuration = configuration
    }

    /// Opens the first connections. If one cannot be made, throws why, and the pool is closed.
    public func start(on loop: isolated EventLoop) async throws(PostgresError) {
        guard state == .new else { throw PostgresError(.misuse, "the pool was started before") }
        state = .starting
        let request = Request(.start)
        await request.run(by: self, on: loop)
        if let error = request.error { throw error }
    }

    /// Ends the pool: who waits for a connection gets `poolClosed`; what is under way may finish
    /// within the grace, then it gets `poolClosed` as well.
    public func close(grace: Duration = .seconds(5), on loop: isolated EventLoop) async {
        if state == .closed { return }
        await Request(.close(grace: grace)).run(by: self, on: loop)
    }

    /// Runs one statement by itself on any connection.
    public func query(
        _ statement: Statement, _ parameters: [PostgresValue] = [],
        on loop: isolated EventLoop
    ) async throws(PostgresError) -> Rows {
        let request = Request(.commands([(statement, parameters)]))
        await run(request, statements: 1, on: loop)
        if let error = request.error { throw error }
        return request.results[0]
    }

    /// Runs statements one after the other in one round trip, as one transaction: the first error
    /// ends and undoes all of them.
    public func queryAll(
        _ statements: [(Statement, [PostgresValue])], on loop: isolated EventLoop
    ) async throws(PostgresError) -> [Rows] {
        if statements.isEmpty { return [] }
        let request = Request(.commands(statements.map { ($0.0, $0.1) }))
        await run(request, statements: statements.count, on: loop)
        if let error = request.error { throw error }
        return request.results
    }

    private func run(
        _ request: Request, statements: Int, on loop: isolated EventLoop
    ) async {
        guard let clock = StatementClock.current else {
            return await request.run(by: self, on: loop)
        }
        let begun = Instant.now
        await request.run(by: self, on: loop)
        clock.add(Instant.now - begun, statements: statements)
    }

    /// Runs several statements without parameters, separated by semicolons, for DDL. They are one
    /// transaction unless the script says otherwise.
    public func execute(
        script: String, on loop: isolated EventLoop
    ) async throws(PostgresError) {
        let connection = try await acquire(on: loop)
        let request = Request(.script(script))
        await request.run(by: connection, on: loop)
        release(connection, on: loop)
        if let error = request.error { throw error }
    }

    /// What the pool does now and has done so far.
    public var statistics: PostgresStatistics {
        var all = counts
        all.connecting = connections.count { $0.state == .connecting }
        all.connections = connections.count - all.connecting
        all.pinned = connections.count { $0.isPinned }
        all.underWay = connections.reduce(0) { $0 + $1.depth }
        all.waiting = waitingCount
        return all
    }

    var connectionsMax: Int { max(1, configuration.poolMax) }
}

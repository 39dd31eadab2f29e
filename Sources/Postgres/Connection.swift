internal import CPostgres
internal import Glibc
internal import Reactor

/// One libpq connection on the loop.
///
/// It tells its pool when it is ready, when a request is done, and when it is lost; each once. Requests
/// are answered in the order they were sent.
final class Connection {
    enum State {
        case connecting, ready, closed
    }

    /// Owns the PGconn.
    private struct Handle: ~Copyable {
        let raw: OpaquePointer
        deinit { PQfinish(raw) }
    }

    let pool: PostgresPool
    private(set) var state = State.connecting
    /// Reserved for one transaction or script.
    var isPinned = false
    /// Sent, and not yet answered completely.
    var inFlight = FIFO<Request>()
    /// The script that waits for its turn or runs.
    var script: Request?
    var scriptIsRunning = false

    var prepared: [String: PreparedStatement] = [:]
    var preparedCount = 0
    var parameters = ParameterBuffer()

    private let notices: NoticeReceiver
    private var handle: Handle?
    private var watch: Watch?
    private var wantsWritable = false
    private var timer: Timer?
    private var attempt = ConnectionAttempt(places: [], deadline: Instant(nanoseconds: 0))

    init(pool: PostgresPool) {
        self.pool = pool
        notices = NoticeReceiver { [weak pool] notice in pool?.noticed?(notice) }
    }

    /// libpq's connection; `nil` once closed.
    var raw: OpaquePointer? {
        if handle == nil { return nil }
        return handle?.raw
    }

    /// How much is under way.
    var depth: Int { inFlight.count + (script == nil ? 0 : 1) }

    // MARK: Connecting

    /// Starts connecting. Each of the places has its share of the time, so that one which swallows
    /// everything does not keep us from those behind it.
    func open(
        _ places: [ServerPlace], until deadline: Instant, on loop: isolated EventLoop
    ) {
        guard state == .connecting else { return }
        attempt = ConnectionAttempt(places: places[...], deadline: deadline)
        start(on: loop)
    }

    private func start(on loop: isolated EventLoop) {
        let keywords = pool.configuration.keywords(attempt.places)
        let names = keywords.map { strdup($0.keyword) } + [nil]
        let values = keywords.map { strdup($0.value) } + [nil]
        defer { (names + values).forEach { free($0) } }
        let started = PQconnectStartParams(
            names.map { UnsafePointer($0) }, values.map { UnsafePointer($0) }, 0)
        guard let started else { return fail("out of memory", on: loop) }
        handle = Handle(raw: started)
        notices.install(in: started)
        guard PQstatus(started) != CONNECTION_BAD else {
            return fail(trimmed(PQerrorMessage(started)), on: loop)
        }
        limitTime(on: loop)
        expect(.writable, on: loop)
    }

    /// Has the place that libpq is at be given up in time.
    private func limitTime(on loop: isolated EventLoop) {
        guard let raw else { return }
        let address = String(cString: PQhostaddr(raw))
        guard attempt.reach(address) else { return }
        timer.take().map { loop.cancel($0) }
        timer = loop.schedule(after: attempt.share(at: loop.now)) {
            self.timer = nil
            guard self.attempt.giveUp() else {
                return self.fail("no answer within the connect timeout", on: loop)
            }
            self.watch.take().map { loop.cancel($0) }
            self.start(on: loop)
        }
    }

    /// libpq may go on with another socket after each step, so each step has a watch of its own.
    private func expect(_ readiness: Readiness, on loop: isolated EventLoop) {
        guard let raw else { return }
        do throws(SystemError) {
            watch = try loop.watch(PQsocket(raw), for: readiness) { _ in
                self.continueConnecting(on: loop)
            }
        } catch {
            fail("cannot watch the socket: \(error)", on: loop)
        }
    }

    private func continueConnecting(on loop: isolated EventLoop) {
        guard let raw, state == .connecting else { return }
        watch.take().map { loop.cancel($0) }
        let outcome = PQconnectPoll(raw)
        limitTime(on: loop)
        switch outcome {
        case PGRES_POLLING_READING: expect(.readable, on: loop)
        case PGRES_POLLING_WRITING: expect(.writable, on: loop)
        case PGRES_POLLING_OK: finishConnecting(on: loop)
        default: fail(trimmed(PQerrorMessage(raw)), on: loop)
        }
    }

    private func finishConnecting(on loop: isolated EventLoop) {
        guard let raw else { return }
        timer.take().map { loop.cancel($0) }
        guard PQsetnonblocking(raw, 1) == 0, PQenterPipelineMode(raw) == 1 else {
            return fail(trimmed(PQerrorMessage(raw)), on: loop)
        }
        do throws(SystemError) {
            watch = try loop.watch(PQsocket(raw), for: .readable) { readiness in
                self.handle(readiness, on: loop)
            }
        } catch {
            return fail("cannot watch the socket: \(error)", on: loop)
        }
        state = .ready
        pool.connected(self, on: loop)
    }

    // MARK: Serving

    private func handle(_ readiness: Readiness, on loop: isolated EventLoop) {
        guard let raw, state == .ready else { return }
        if readiness.contains(.readable) {
            let isAlive = PQconsumeInput(raw) == 1
            // What came before the end may be the server's reason for it.
            receive(on: loop)
            if !isAlive { return fail(trimmed(PQerrorMessage(raw)), on: loop) }
        }
        if state == .ready { flush(on: loop) }
    }

    /// Sends what libpq has queued; waits for the socket where it takes no more.
    func flush(on loop: isolated EventLoop) {
        guard let raw, state == .ready else { return }
        let result = PQflush(raw)
        if result < 0 { return fail(trimmed(PQerrorMessage(raw)), on: loop) }
        guard wantsWritable != (result == 1), let watch else { return }
        wantsWritable = result == 1
        loop.update(watch, for: wantsWritable ? [.readable, .writable] : .readable)
    }

    /// Whether an idle connection still has its server: a restart may not have been dispatched yet, and
    /// a request must not be lost to it.
    func isAlive(on loop: isolated EventLoop) -> Bool {
        for _ in 0..<3 {
            guard let raw, state == .ready else { return false }
            var byte: UInt8 = 0
            let count = recv(
                PQsocket(raw), &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
            if count < 0 && (errno == EAGAIN || errno == EINTR) { return true }
            // A remark, or a farewell with the end behind it.
            handle(.readable, on: loop)
        }
        return state == .ready
    }

    // MARK: Ending

    /// Ends a connection that broke, or that could not be made.
    func fail(_ message: String, on loop: isolated EventLoop) {
        let message = message.isEmpty ? "the connection was lost" : message
        let code: PostgresError.Code = state == .connecting ? .connectFailed : .connectionLost
        close(PostgresError(code, message), on: loop)
    }

    /// Ends the connection; requests under way get `error`, but for those that another connection can answer.
    func close(_ error: PostgresError, on loop: isolated EventLoop) {
        guard state != .closed else { return }
        let wasConnecting = state == .connecting
        state = .closed
        timer.take().map { loop.cancel($0) }
        watch.take().map { loop.cancel($0) }
        handle = nil
        let unanswered = inFlight.drain()
        let repeatable = unanswered.filter {
            error.code == .connectionLost && !isPinned && $0.onlyReads && !$0.wasRepeated
        }
        for request in unanswered where !repeatable.contains(where: { $0 === request }) {
            request.settle(error)
        }
        script.take()?.settle(error)
        if wasConnecting {
            pool.connectFailed(self, error, on: loop)
        } else {
            pool.disconnected(self, on: loop)
        }
        for request in repeatable { pool.sendAgain(request, on: loop) }
    }
}

public import Reactor

/// A request of sliding sync: computed, and if there is nothing to tell, parked like one of /sync, in the same index.
final class SlidingWait: SyncResponder {
    private let engine: SyncEngine
    private let asked: SlidingRequest
    private let user: TrackedUser
    private let connection: SlidingConnection
    /// The position from which the client asks, with what it knows there.
    private let known: (number: UInt64, state: SlidingConnection.State)?
    private let responder: any SyncResponder
    private let deadline: Instant
    private var request: SyncRequest
    private var result: SlidingSync.Result?

    init(
        _ engine: SyncEngine, _ asked: SlidingRequest, _ request: SyncRequest, _ user: TrackedUser,
        _ connection: SlidingConnection,
        known: (number: UInt64, state: SlidingConnection.State)?,
        _ responder: any SyncResponder, until deadline: Instant
    ) {
        self.engine = engine
        self.asked = asked
        self.request = request
        self.user = user
        self.connection = connection
        self.known = known
        self.responder = responder
        self.deadline = deadline
    }

    // MARK: As one who waits

    var isGone: Bool { responder.isGone }

    func whenGone(_ body: @escaping () -> Void) { responder.whenGone(body) }

    func fail(_ error: any Error, on loop: isolated EventLoop) { responder.fail(error, on: loop) }

    /// The time is up, or the process stops: the client is told that there is nothing. The request is over already.
    func answer(_ answer: SyncAnswer, on loop: isolated EventLoop) {
        guard let result else { return }
        send(result, on: loop)
    }

    /// Something happened that concerns the user.
    func wake(on loop: isolated EventLoop) {
        loop.spawn { await self.run(on: loop) }
    }

    // MARK: Answers

    /// Computes until there is something to tell, the time is up, or the client can be parked.
    func run(on loop: isolated EventLoop) async {
        await engine.enterGeneralLane(on: loop)
        defer { engine.leaveGeneralLane() }
        while true {
            guard !responder.isGone else { return engine.finish(request, user, on: loop) }
            let now = engine.position
            let generation = user.generation
            let found: SlidingSync.Result
            do {
                found = try await SlidingSync.run(
                    asked, request, known: known?.state, now: now, engine: engine, on: loop)
            } catch {
                engine.finish(request, user, on: loop)
                return responder.fail(error, on: loop)
            }
            result = found
            engine.load(
                user, rooms: found.joinedRooms, ignored: found.ignored, generation: generation,
                at: now)
            if found.hasNews || deadline <= loop.now || engine.isShutDown {
                if found.hasNews { engine.metrics.deliveriesSliding += 1 }
                engine.finish(request, user, on: loop)
                return send(found, on: loop)
            }
            request.since = now.merged(with: found.state.token)
            if let since = request.since,
                user.knowsNothingNew(since: since, position: engine.position)
            {
                return engine.park(request, user, self, until: deadline, on: loop)
            }
            // Something happened meanwhile, or the user's rooms have to be read anew.
            if now == engine.position { await loop.yield() }
        }
    }

    private func send(_ result: SlidingSync.Result, on loop: isolated EventLoop) {
        let position = connection.append(result.state, after: known?.number)
        responder.answer(
            SyncAnswer(SlidingSync.body(position: position, result.body)), on: loop)
    }
}

extension SyncEngine {
    /// Answers a request of simplified sliding sync, now or when there is something new.
    ///
    /// - Parameters:
    ///   - asked: What the client asks for.
    ///   - position: The position that the last answer gave, if the client goes on from there.
    ///   - request: Who asks, and how long to wait; the rest of it is not looked at.
    ///   - responder: Where the answer goes; it fails with M_UNKNOWN_POS if the position is none that this process
    ///     knows.
    ///   - loop: The loop of the engine.
    public func sync(
        _ asked: SlidingRequest, from position: String?, _ request: SyncRequest,
        answering responder: any SyncResponder, on loop: isolated EventLoop
    ) {
        metrics.requests += 1
        let owner = SlidingConnections.Owner(userID: request.userID, deviceID: request.deviceID)
        let connection: SlidingConnection
        var known: (number: UInt64, state: SlidingConnection.State)?
        if let position {
            guard let open = slidingConnections.connection(asked.connectionID, of: owner),
                let state = open.state(at: position)
            else {
                return responder.fail(
                    MatrixError(
                        400, "M_UNKNOWN_POS", "The position is unknown: start without one"),
                    on: loop)
            }
            connection = open
            known = state
        } else {
            connection = slidingConnections.open(asked.connectionID, of: owner)
        }
        var request = request
        request.isSliding = true
        request.timeout = min(max(request.timeout, .zero), options.timeoutMax)
        // Who starts is answered at once.
        let deadline = known == nil ? loop.now : loop.now + request.timeout
        let user = begin(request, on: loop)
        let wait = SlidingWait(
            self, asked, request, user, connection, known: known, responder, until: deadline)
        wait.wake(on: loop)
    }
}

internal import Reactor

extension PostgresPool: RequestTaker {
    /// From this depth on, another connection is opened if there may be more.
    private static let growthDepth = 4

    func take(_ request: Request, on loop: isolated EventLoop) {
        switch request.work {
        case .commands, .script, .pin: submit(request, on: loop)
        case .start:
            starter = request
            for _ in 0..<max(1, min(configuration.poolMin, connectionsMax)) { open(on: loop) }
        case .close(let grace):
            closers.append(request)
            beginClosing(grace: grace, on: loop)
        }
    }

    /// Sends a request, or lets it wait for a connection.
    private func submit(_ request: Request, on loop: isolated EventLoop) {
        guard state == .running else {
            return settle(request, PostgresError(.poolClosed, "the pool is not open"), on: loop)
        }
        if waitingCount == 0, let connection = leastLoaded(on: loop) {
            return assign(request, to: connection, on: loop)
        }
        guard waitingCount < configuration.waitersMax else {
            let error = PostgresError(
                .poolExhausted, "\(waitingCount) requests wait for a connection already")
            return settle(request, error, on: loop)
        }
        waiting.append(request)
        waitingCount += 1
        request.timer = loop.schedule(after: configuration.acquireTimeout) {
            self.giveUp(request, on: loop)
        }
        grow(on: loop)
    }

    private func assign(
        _ request: Request, to connection: Connection, on loop: isolated EventLoop
    ) {
        if case .pin = request.work {
            connection.isPinned = true
            request.connection = connection
            request.settle()
        } else {
            connection.take(request, on: loop)
        }
        if connection.depth >= Self.growthDepth { grow(on: loop) }
    }

    /// The connection that answers soonest, as far as one can tell.
    private func leastLoaded(on loop: isolated EventLoop) -> Connection? {
        while true {
            var best: Connection?
            for connection in connections
            where connection.state == .ready && !connection.isPinned
                && connection.depth < configuration.pipelineDepthMax
                && connection.depth < (best?.depth ?? .max)
            {
                best = connection
                if connection.depth == 0 { break }
            }
            guard let best else { return nil }
            // A dead one has left the list by now.
            if best.depth > 0 || best.isAlive(on: loop) { return best }
        }
    }

    /// Gives connections to those who wait, in their order.
    func pump(on loop: isolated EventLoop) {
        while waitingCount > 0, let connection = leastLoaded(on: loop) {
            guard let request = nextWaiting(on: loop) else { return }
            assign(request, to: connection, on: loop)
        }
    }

    private func nextWaiting(on loop: isolated EventLoop) -> Request? {
        while let request = waiting.popFirst() {
            // Those that gave up stay in the queue until their turn.
            if request.isSettled { continue }
            waitingCount -= 1
            request.timer.take().map { loop.cancel($0) }
            return request
        }
        return nil
    }

    private func giveUp(_ request: Request, on loop: isolated EventLoop) {
        guard !request.isSettled else { return }
        request.timer = nil
        waitingCount -= 1
        var message = "no connection became free in \(configuration.acquireTimeout)"
        if let error = backoff.lastError { message += "; the last attempt: \(error.message)" }
        settle(request, PostgresError(.timeout, message), on: loop)
        while let first = waiting.first, first.isSettled { _ = waiting.popFirst() }
    }

    func failWaiting(_ error: PostgresError, on loop: isolated EventLoop) {
        for request in waiting.drain() where !request.isSettled {
            request.timer.take().map { loop.cancel($0) }
            settle(request, error, on: loop)
        }
        waitingCount = 0
    }

    /// A connection has the request's whole answer.
    func finished(
        _ request: Request, on connection: Connection, _ loop: isolated EventLoop
    ) {
        if request.isRepeatable, !connection.isPinned, state == .running, !request.wasRepeated {
            return sendAgain(request, on: loop)
        }
        settle(request, nil, on: loop)
        if state == .closing {
            closeIfIdle(connection, on: loop)
        } else if waitingCount > 0 {
            pump(on: loop)
        }
    }

    /// Sends a request once more, from the beginning.
    func sendAgain(_ request: Request, on loop: isolated EventLoop) {
        request.reset()
        request.wasRepeated = true
        submit(request, on: loop)
    }

    private func settle(
        _ request: Request, _ error: PostgresError?, on loop: isolated EventLoop
    ) {
        request.settle(error)
        counts.requestCount += 1
        if request.error != nil { counts.errorCount += 1 }
    }

    /// A connection for the caller alone, until `release`.
    func acquire(on loop: isolated EventLoop) async throws(PostgresError) -> Connection {
        let request = Request(.pin)
        await request.run(by: self, on: loop)
        if let error = request.error { throw error }
        guard let connection = request.connection else {
            throw PostgresError(.poolClosed, "the pool is not open")
        }
        return connection
    }

    /// Gives a connection back. One whose transaction is still open is not used again.
    func release(_ connection: Connection, on loop: isolated EventLoop) {
        connection.isPinned = false
        guard connection.state == .ready else { return }
        if connection.depth == 0 && connection.isInTransaction {
            let error = PostgresError(.misuse, "a transaction was left open")
            return connection.close(error, on: loop)
        }
        if state == .closing {
            closeIfIdle(connection, on: loop)
        } else {
            pump(on: loop)
        }
    }
}

internal import Reactor

extension PostgresPool {
    /// Opens a connection if more are wanted than there are.
    func grow(on loop: isolated EventLoop) {
        guard state == .running, retryTimer == nil else { return }
        let connecting = connections.count { $0.state == .connecting }
        let missing = max(
            configuration.poolMin - connections.count, max(1, waitingCount) - connecting)
        let room = connectionsMax - connections.count
        // A few at a time: each costs the server a process.
        for _ in 0..<max(0, min(missing, room, 4 - connecting)) { open(on: loop) }
    }

    func open(on loop: isolated EventLoop) {
        let connection = Connection(pool: self)
        connections.append(connection)
        let deadline = loop.now + configuration.connectTimeout
        loop.spawn {
            // libpq would look names up itself, and block meanwhile.
            do throws(PostgresError) {
                let places = try await self.configuration.resolvedPlaces(on: loop)
                connection.open(places ?? [], until: deadline, on: loop)
            } catch {
                connection.close(error, on: loop)
            }
        }
    }

    func connected(_ connection: Connection, on loop: isolated EventLoop) {
        counts.connectCount += 1
        backoff.succeed()
        switch state {
        case .starting: finishStarting()
        case .running: pump(on: loop)
        case .new, .closing, .closed: closeIfIdle(connection, on: loop)
        }
    }

    /// The pool runs once every connection that is still wanted is there.
    private func finishStarting() {
        guard state == .starting, connections.allSatisfy({ $0.state == .ready }) else { return }
        state = .running
        starter.take()?.settle()
    }

    func connectFailed(
        _ connection: Connection, _ error: PostgresError, on loop: isolated EventLoop
    ) {
        connections.removeAll { $0 === connection }
        counts.connectFailureCount += 1
        switch state {
        case .starting: failStart(error, on: loop)
        case .running: retryLater(because: error, on: loop)
        case .new, .closing, .closed: finishClosing(on: loop)
        }
    }

    private func failStart(_ error: PostgresError, on loop: isolated EventLoop) {
        starter.take()?.settle(error)
        beginClosing(grace: .zero, on: loop)
    }

    func disconnected(_ connection: Connection, on loop: isolated EventLoop) {
        connections.removeAll { $0 === connection }
        switch state {
        case .starting:
            // It was ready, so the server is all right or will tell the others; but without any
            // connection nothing would go on.
            counts.lossCount += 1
            if connections.isEmpty {
                let error = PostgresError(.connectionLost, "the connection was lost at the start")
                failStart(error, on: loop)
            } else {
                finishStarting()
            }
        case .running:
            counts.lossCount += 1
            growIfWanted(on: loop)
        case .new, .closing, .closed: finishClosing(on: loop)
        }
    }

    private func growIfWanted(on loop: isolated EventLoop) {
        if connections.count < max(1, configuration.poolMin) || waitingCount > 0 {
            grow(on: loop)
        }
    }

    private func retryLater(because error: PostgresError, on loop: isolated EventLoop) {
        // Several attempts that fail together count as one.
        guard retryTimer == nil else { return }
        retryTimer = loop.schedule(after: backoff.fail(error)) {
            self.retryTimer = nil
            self.growIfWanted(on: loop)
        }
    }

    // MARK: Closing

    func beginClosing(grace: Duration, on loop: isolated EventLoop) {
        if state == .closed { return finishClosing(on: loop) }
        let isFirst = state != .closing
        state = .closing
        retryTimer.take().map { loop.cancel($0) }
        let error = PostgresError(.poolClosed, "the pool was closed")
        starter.take()?.settle(error)
        failWaiting(error, on: loop)
        for connection in connections {
            if connection.state == .connecting || grace == .zero {
                connection.close(error, on: loop)
            } else {
                closeIfIdle(connection, on: loop)
            }
        }
        finishClosing(on: loop)
        guard isFirst, state == .closing else { return }
        graceTimer = loop.schedule(after: grace) {
            for connection in self.connections { connection.close(error, on: loop) }
        }
    }

    func closeIfIdle(_ connection: Connection, on loop: isolated EventLoop) {
        guard connection.depth == 0, !connection.isPinned else { return }
        connection.close(PostgresError(.poolClosed, "the pool was closed"), on: loop)
    }

    private func finishClosing(on loop: isolated EventLoop) {
        guard connections.isEmpty, state == .closing || state == .closed else { return }
        state = .closed
        graceTimer.take().map { loop.cancel($0) }
        for closer in closers { closer.settle() }
        closers = []
    }
}

import Bytes
import Reactor
import ReplicationWire

/// Drives the link: events in, actions out.
extension ReplicationClient {
    /// How much output may wait for a main that does not read.
    private static var pendingBytesMax: Int { 1 << 24 }

    func opened(_ connection: ClientConnection, on loop: isolated EventLoop) {
        guard let clock else { return }
        self.connection = connection
        statistics.connections += 1
        link.opened(at: clock.now(on: loop), into: &actions)
        act(on: loop)
        armTimer(on: loop)
    }

    func received(_ line: RawSpan, on loop: isolated EventLoop) {
        guard let clock else { return }
        lineTap?(line, true)
        link.received(line, at: clock.now(on: loop), into: &actions)
        if let name = link.lastCommand { statistics.inbound[name] += 1 }
        act(on: loop)
    }

    func close(_ failure: LinkFailure, on loop: isolated EventLoop) {
        link.close(failure, into: &actions)
        act(on: loop)
    }

    /// The connection is over for us, though its channel may still write our last words.
    func ended(
        _ connection: ClientConnection, reason: String, kind: String, on loop: isolated EventLoop
    ) {
        guard !connection.hasEnded else { return }
        connection.hasEnded = true
        guard self.connection === connection else { return }
        self.connection = nil
        if let timer = timer.take() { loop.cancel(timer) }
        statistics.closeReasons[kind, default: 0] += 1
        if let lastReceived = link.lastReceived, link.streams.allSatisfy({ link.isLive($0) }) {
            inStepAt = lastReceived
        }
        link.disconnected(into: &actions)
        delegate?.disconnected(reason: reason, on: loop)
        act(on: loop)
    }

    private func armTimer(on loop: isolated EventLoop) {
        guard let clock, let deadline = link.deadline, connection != nil else { return }
        timer = loop.schedule(after: clock.wait(until: deadline, on: loop)) {
            self.link.timePassed(at: clock.now(on: loop), into: &self.actions)
            self.act(on: loop)
            self.armTimer(on: loop)
        }
    }

    /// Carries out what the link has decided. A delegate may call back: the list is taken out of
    /// our hands first.
    func act(on loop: isolated EventLoop) {
        guard !actions.isEmpty else { return }
        var batch: [WorkerLink.Action] = []
        swap(&batch, &actions)
        swap(&actions, &spare)
        for action in batch { act(on: action, on: loop) }
        batch.removeAll(keepingCapacity: true)
        if spare.capacity == 0 { spare = batch }
    }

    private func act(on action: WorkerLink.Action, on loop: isolated EventLoop) {
        switch action {
        case .send(let command): write(command, on: loop)
        case .connected: delegate?.connected(on: loop)
        case .rows(let stream, let rows, let position):
            statistics.rows[stream, default: 0] += UInt64(rows.count)
            for case .other in rows where stream.isKnown { statistics.unknownRows += 1 }
            delegate?.rows(stream, rows, position: position, on: loop)
            waiters.reached(stream, position, on: loop)
        case .position(let stream, let position):
            delegate?.positionChanged(stream, to: position, on: loop)
            waiters.reached(stream, position, on: loop)
        case .reset(let stream): delegate?.streamReset(stream, on: loop)
        case .fellBehind: statistics.resynchronisations += 1
        case .skipped(let stream, let position):
            delegate?.streamSkipped(stream, to: position, on: loop)
            waiters.reached(stream, position, on: loop)
        case .deliver(let command): delegate?.received(command, on: loop)
        case .peerError(let text): delegate?.errorReported(text, on: loop)
        case .close(let failure):
            guard let connection else { return }
            // First, since a channel with nothing left to write closes, and says so, at once.
            ended(connection, reason: failure.text, kind: failure.name, on: loop)
            connection.channel.close(on: loop)
        case .reconnect(let delay):
            guard isRunning else { return }
            loop.schedule(after: delay) {
                guard self.isRunning, self.connection == nil else { return }
                loop.spawn { await self.connect(on: loop) }
            }
        }
    }

    private func write(_ command: ReplicationCommand, on loop: isolated EventLoop) {
        guard let connection else { return }
        // What a main that does not read has not been told, it is told after the reconnect.
        guard connection.channel.pendingBytes <= Self.pendingBytesMax else {
            return connection.channel.abort(on: loop)
        }
        statistics.outbound[command.name] += 1
        let line = command.line(dialect: options.dialect)
        lineTap?(line.span.bytes.extracting(droppingLast: 1), false)
        connection.channel.write(line, on: loop)
    }
}

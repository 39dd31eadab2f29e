internal import Bytes
internal import HTTPWire
internal import Reactor

/// Time limits. Moving a deadline later, as every request does, touches no timer: the timer that is
/// armed looks at the deadline when it fires and arms itself again for what is left.
extension HTTPConnection {
    func setDeadline(_ nanoseconds: UInt64, on loop: isolated EventLoop) {
        let due = Instant(nanoseconds: loop.now.nanoseconds &+ nanoseconds)
        deadline = due
        if let timer {
            guard due < timerIsDue else { return }
            loop.cancel(timer)
        }
        arm(due, on: loop)
    }

    private func arm(_ due: Instant, on loop: isolated EventLoop) {
        timerIsDue = due
        let wait = due > loop.now ? due - loop.now : .zero
        timer = loop.schedule(after: wait) { self.timerFired(on: loop) }
    }

    private func timerFired(on loop: isolated EventLoop) {
        timer = nil
        guard let deadline, phase == .reading else { return }
        if loop.now < deadline {
            arm(deadline, on: loop)
        } else if let exchange = receiving {
            let late = exchange.route == nil && exchange.refusal == nil ? "head" : "body"
            refuse(HTTPError(.requestTimeout, "the request's \(late) took too long"), on: loop)
        } else if channel.pendingBytes == 0 {
            close(on: loop)
        } else if channel.pendingBytes < unreadBytes {
            // Slow, but reading.
            unreadBytes = channel.pendingBytes
            setDeadline(core.idleNanoseconds, on: loop)
        } else {
            channel.abort(on: loop)
        }
    }

    /// Closes once what is queued has been written.
    func close(lingering: Bool = true, on loop: isolated EventLoop) {
        guard phase != .closed, phase != .closing else { return }
        phase = .closing
        receiving = nil
        held = ByteQueue()
        deadline = nil
        if let timer = timer.take() { loop.cancel(timer) }
        channel.close(lingering: lingering, on: loop)
    }

    /// Closes unless a request is under way. Clients notice that an idle connection has ended when they want to
    /// use it again: there is no waiting for them.
    func closeIfIdle(on loop: isolated EventLoop) {
        if phase == .reading, receiving == nil, held.isEmpty { close(lingering: false, on: loop) }
    }
}
